package network

import "testing"

func TestDefaultRoute(t *testing.T) {
	head := "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
	tests := []struct{ name, table, iface, gateway string }{
		{"none", head, "", ""},
		{"one", head + "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\neth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", "eth0", "192.0.2.1"},
		{"half of everything is not all", head + "tun0\t00000000\t010200C0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n", "", ""},
		{"broken", "eth0\t00000000\tzz\t0003\t0\t0\t0\t00000000\neth0 0\n\n", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			iface, gateway, ok := defaultRoute(tt.table)
			if iface != tt.iface || ok != (tt.gateway != "") || ok && gateway.String() != tt.gateway {
				t.Errorf("got %q %v %v", iface, gateway, ok)
			}
		})
	}
}

func TestIPv6(t *testing.T) {
	zero := "00000000000000000000000000000000"
	routes := "20010db8000000000000000000000000 40 " + zero + " 00 " + zero + " 00000100 00000001 00000000 00000001 eth0\n" +
		zero + " 00 " + zero + " 00 " + zero + " ffffffff 00000001 00000000 00200200 lo\n" +
		zero + " 00 " + zero + " 00 fe800000000000000000000000000001 00000400 00000002 00000000 00000003 eth0\n"
	if iface, gateway, ok := defaultRoute6(routes); !ok || iface != "eth0" || gateway.String() != "fe80::1" {
		t.Errorf("got %q %v %v", iface, gateway, ok)
	}
	if _, _, ok := defaultRoute6("x\n" + zero); ok {
		t.Error("a route out of nothing")
	}
	addresses := "00000000000000000000000000000001 01 80 10 80 lo\n" +
		"fe800000000000000000000000000002 02 40 20 80 eth0\n" +
		"20010db8000000000000000000000007 02 40 00 80 eth0\n"
	if got, prefix := address6(addresses, "eth0"); got != "2001:db8::7" || prefix != 64 {
		t.Errorf("got %q/%d", got, prefix)
	}
}
