package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain is two programs: the tests, and under the name of probe what looks around inside a
// container, where busybox has no word for it.
func TestMain(m *testing.M) {
	if os.Getenv("RC_E2E_PROBE") == "1" {
		os.Exit(probe(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// probe ids: real and effective ids. probe caps: effective capabilities.
// probe udp ADDRESS…: what comes to these addresses, in lines "ADDRESS DATA"; nothing is answered.
// probe icmp: whether it may ping without capabilities (icmp(7)).
// probe mute SOCKET: somebody who takes connections and never says a word.
// probe xattr FILE NAME: an extended attribute's value. probe setxattr FILE NAME VALUE.
func probe(args []string) int {
	err := errors.New("usage: probe ids | caps | udp ADDRESS… | icmp | mute SOCKET | xattr FILE NAME | setxattr FILE NAME VALUE")
	switch {
	case len(args) == 1 && args[0] == "ids":
		fmt.Println(os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid())
		return 0
	case len(args) == 1 && args[0] == "caps":
		var data [2]unix.CapUserData
		err = unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0])
		fmt.Printf("%08x%08x\n", data[1].Effective, data[0].Effective)
	case len(args) > 1 && args[0] == "udp":
		err = receive(args[1:])
	case len(args) == 1 && args[0] == "icmp":
		_, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP)
	case len(args) == 2 && args[0] == "mute":
		err = mute(args[1])
	case len(args) == 3 && args[0] == "xattr":
		buffer := make([]byte, 256)
		var n int
		n, err = unix.Lgetxattr(args[1], args[2], buffer)
		if err == nil {
			fmt.Printf("%s\n", buffer[:n])
		}
	case len(args) == 4 && args[0] == "setxattr":
		err = unix.Lsetxattr(args[1], args[2], []byte(args[3]), 0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// receive prints datagrams until an address fails.
func receive(addresses []string) error {
	failed := make(chan error)
	for _, address := range addresses {
		conn, err := net.ListenPacket("udp", address)
		if err != nil {
			return err
		}
		go func() {
			data := make([]byte, 1500)
			for {
				n, _, err := conn.ReadFrom(data)
				if err != nil {
					failed <- err
					return
				}
				fmt.Printf("%s %q\n", address, data[:n])
			}
		}()
	}
	return <-failed
}

// mute accepts connections and keeps them.
func mute(socket string) error {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	var kept []net.Conn
	for {
		c, err := l.Accept()
		if err != nil {
			return fmt.Errorf("after %d connections: %w", len(kept), err)
		}
		kept = append(kept, c)
	}
}
