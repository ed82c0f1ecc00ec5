// Command rc-net gives one container its network: see pkg/network. It is started by
// rc-shim, never by hand: descriptor 3 is the shim's socket, 4 the network namespace.
package main

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/network"
)

func main() {
	const socket, namespace = 3, 4
	// PR_SET_PDEATHSIG is about the thread that forks: it must be one that stays.
	runtime.LockOSThread()
	kind, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_SEQPACKET {
		fmt.Fprintln(os.Stderr, "rc-net is part of rc and is started by it; see rc run --help")
		os.Exit(errs.CodeError)
	}
	unix.CloseOnExec(socket)
	unix.CloseOnExec(namespace)
	os.Exit(network.Serve(os.NewFile(socket, "shim"), os.NewFile(namespace, "netns")))
}
