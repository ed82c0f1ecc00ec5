package main

import (
	"os"
	"testing"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"

	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/network/joint"
)

// TestReload: what somebody took away is there again, in the container and beside the bridges; what is there
// stays; a second time changes nothing.
func TestReload(t *testing.T) {
	w := newWorld(t)
	n := w.network(t, bridge.Options{Name: "one", Subnets: []string{"10.51.0.0/24"}, Internal: true})
	a := w.member(t, "a", nil, n)
	b := w.member(t, "b", nil, n)
	from := b.serve(t, "80")
	remove := func(netns *os.File, name string) func() {
		return func() {
			within(t, netns, func() error {
				l, err := netlink.LinkByName(name)
				if err == nil {
					err = netlink.LinkDel(l)
				}
				return err
			})
		}
	}
	for what, damage := range map[string]func(){
		"nothing":                   func() {},
		"the container's interface": remove(a.own, "eth0"),
		"the bridge":                remove(w.hub, n.NetworkInterface),
		"the rules": func() {
			within(t, a.own, func() error {
				c, err := nftables.New()
				if err != nil {
					return err
				}
				c.FlushRuleset()
				return c.Flush()
			})
		},
	} {
		damage()
		for _, m := range []*member{a, b, a} {
			if err := joint.Ask(m.dir, joint.Request{Op: joint.Reload}); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		if err := dial(t, a.own, "10.51.0.3:80"); err != nil {
			t.Errorf("%s: %v", what, err)
		} else if who := <-from; who != "10.51.0.2" {
			t.Errorf("%s: from %s", what, who)
		}
		if got := a.lookup(t, "name-b"); got != "10.51.0.3" {
			t.Errorf("%s: name-b is %s", what, got)
		}
	}
	if err := joint.Ask(a.dir, joint.Request{Op: joint.Disconnect, Network: "one", Interface: "eth0"}); err != nil {
		t.Fatal(err)
	}
	if got := a.lookup(t, "name-b"); got != "none" {
		t.Errorf("disconnected after all that: name-b is %s", got)
	}
}
