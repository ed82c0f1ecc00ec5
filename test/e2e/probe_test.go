package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/sys/unix"
)

// TestMain is two programs: the tests, and under the name of probe what looks around inside a
// container, where busybox has no word for it.
func TestMain(m *testing.M) {
	if os.Getenv("RC_E2E_PROBE") == "1" {
		os.Exit(probe(os.Args[1:]))
	}
	// Called under nohup: what is caught here is not ignored by those that the scripts start.
	if signal.Ignored(unix.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	}
	os.Exit(m.Run())
}

// probe ids: real and effective ids. probe caps: effective capabilities.
// probe udp ADDRESS…: what comes to these addresses, in lines "ADDRESS DATA"; nothing is answered.
// probe icmp: whether it may ping without capabilities (icmp(7)).
// probe mute SOCKET: somebody who takes connections and never says a word.
// probe listen PATH: what comes to a datagram socket there, one line each.
// probe notify MESSAGE…: send them to NOTIFY_SOCKET, and wait until all before them have arrived (sd_notify_barrier(3)).
// probe activated: the sockets of sd_listen_fds(3), and an answer to whoever connects to the first.
// probe dial PATH: what the socket there answers.
// probe agent: what the agent at SSH_AUTH_SOCK does: its keys' comments, whether they sign and can be deleted.
// probe xattr FILE NAME: an extended attribute's value. probe setxattr FILE NAME VALUE.
func probe(args []string) int {
	err := errors.New("usage: probe ids | caps | udp ADDRESS… | icmp | mute SOCKET | listen PATH | notify MESSAGE… | activated | dial PATH | agent | xattr FILE NAME | setxattr FILE NAME VALUE")
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
	case len(args) == 2 && args[0] == "listen":
		err = listen(args[1])
	case len(args) > 1 && args[0] == "notify":
		err = notify(args[1:])
	case len(args) == 2 && args[0] == "dial":
		err = dial(args[1])
	case len(args) == 1 && args[0] == "activated":
		err = activated()
	case len(args) == 3 && args[0] == "xattr":
		buffer := make([]byte, 256)
		var n int
		n, err = unix.Lgetxattr(args[1], args[2], buffer)
		if err == nil {
			fmt.Printf("%s\n", buffer[:n])
		}
	case len(args) == 1 && args[0] == "agent":
		err = askAgent(os.Getenv("SSH_AUTH_SOCK"))
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

func askAgent(socket string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	client := agent.NewClient(conn)
	keys, err := client.List()
	if err != nil {
		return err
	}
	for _, key := range keys {
		_, err := client.Sign(key, []byte("data"))
		fmt.Printf("key %q signs: %t\n", key.Comment, err == nil)
	}
	fmt.Printf("deleted: %t\n", client.RemoveAll() == nil)
	return nil
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

// listen prints what comes to a datagram socket, and lets go of what is attached.
func listen(path string) error {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	data, rights := make([]byte, 4096), make([]byte, 4096)
	for {
		n, oobn, _, _, err := conn.ReadMsgUnix(data, rights)
		if err != nil {
			return err
		}
		fmt.Println(strings.ReplaceAll(string(data[:n]), "\n", " "))
		messages, err := unix.ParseSocketControlMessage(rights[:oobn])
		if err != nil {
			return err
		}
		for _, m := range messages {
			fds, err := unix.ParseUnixRights(&m)
			if err != nil {
				continue
			}
			for _, fd := range fds {
				_ = unix.Close(fd)
			}
		}
	}
}

// notify sends messages, and a barrier behind them.
func notify(messages []string) error {
	socket := os.Getenv("NOTIFY_SOCKET")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	to := &unix.SockaddrUnix{Name: socket}
	for _, message := range messages {
		if err := unix.Sendmsg(fd, []byte(message), nil, to, 0); err != nil {
			return err
		}
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	if err := unix.Sendmsg(fd, []byte("BARRIER=1"), unix.UnixRights(int(write.Fd())), to, 0); err != nil {
		return err
	}
	_ = write.Close()
	_ = read.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := read.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("the barrier was not taken away")
	}
	fmt.Println("barrier passed at", socket)
	return nil
}

// dial prints what it is answered.
func dial(path string) error {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, conn)
	return err
}

// activated says which sockets there are, and answers one caller of the first after the other.
func activated() error {
	fmt.Println(os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDNAMES"), "pid", os.Getpid())
	listener, err := net.FileListener(os.NewFile(3, "socket"))
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		fmt.Fprintln(conn, "answered by", os.Getenv("LISTEN_FDNAMES"))
		_ = conn.Close()
	}
}
