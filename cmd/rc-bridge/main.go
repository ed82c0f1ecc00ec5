// Command rc-bridge keeps one container connected with its bridge networks: see
// pkg/network/joint. It is started by rc-shim, never by hand: descriptor 3 is the shim's socket, 4
// the container's network namespace, 5 the one that the bridges are in.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

func main() {
	const socket, namespace, bridges = 3, 4, 5
	kind, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_SEQPACKET {
		fmt.Fprintln(os.Stderr, "rc-bridge is part of rc and is started by it; see rc run --help")
		os.Exit(errs.CodeError)
	}
	runtime.GOMAXPROCS(1)
	for _, fd := range []int{socket, namespace, bridges} {
		unix.CloseOnExec(fd)
	}
	s := &server{
		shim: os.NewFile(socket, "shim"), own: os.NewFile(namespace, "netns"), hub: os.NewFile(bridges, "hub"),
		requests: make(chan func()),
	}
	os.Exit(s.serve(context.Background()))
}
