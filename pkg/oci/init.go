package oci

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/wire"
)

// Init is the child's main: `rc-shim init N`, where N is the socket's descriptor. It does
// not return when the command is executed; else it returns the exit code, the reason
// having been sent to the parent. It must run on the main goroutine, before any other is
// started.
func Init() int {
	// Credentials, capabilities and filters belong to one thread: the one that executes.
	runtime.LockOSThread()
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "rc-shim init: not to be called by hand")
		return errs.CodeError
	}
	n, err := strconv.Atoi(os.Args[2])
	if err != nil || n < firstExtra {
		fmt.Fprintf(os.Stderr, "rc-shim init: descriptor %q\n", os.Args[2])
		return errs.CodeError
	}
	c := &child{sock: os.NewFile(uintptr(n), "socket"), exe: n + 1}
	err = c.run()
	if err == nil {
		return 0 // the parent gave up
	}
	_ = linux.Send(c.sock, encodeFailure(err)) // nobody else could be told
	return errs.Code(err)
}

// child is the state of Init.
type child struct {
	order
	sock *os.File
	exe  int // descriptor of this program
	root int // the container's root directory

	// received keeps the order's files, and thereby the descriptors in trees, open.
	received []*os.File
	procSys  int // the caller's /proc/sys, opened where there are sysctls
	workdir  int

	trees map[string][]int // the order's trees; those of one path in their order
	owned []ownedTree      // bind mounts whose content becomes the user's

	slave      *os.File // the container's end of its terminal
	who        identity
	keepGroups bool
}

// run returns nil only if the parent closed the socket before it said go.
func (c *child) run() error {
	// Nobody in a shared pid namespace shall look into this process, or reach through its
	// /proc/PID, before it has become the container's. execve(2) undoes it.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_DUMPABLE: %w", err)
	}
	unix.CloseOnExec(int(c.sock.Fd()))
	unix.CloseOnExec(c.exe)
	more, err := c.receiveOrder()
	if err != nil || !more {
		return err
	}
	master, err := c.setUp()
	if err != nil {
		return err
	}
	if err := c.reportReady(master); err != nil {
		return err
	}
	if !c.told() {
		return nil
	}
	return c.execute()
}

// told waits for the word to go; false says that the parent is gone.
func (c *child) told() bool {
	_, _, err := linux.Receive(c.sock, 1)
	return err == nil
}

// receiveOrder tells whether there was one.
func (c *child) receiveOrder() (bool, error) {
	_, files, received := linux.Receive(c.sock, 1)
	if received != nil || len(files) == 0 {
		return false, nil // the parent is gone
	}
	defer files[0].Close()
	data, err := linux.ReadMemfd(files[0])
	if err != nil {
		return false, err
	}
	r := wire.NewReader(data)
	c.fields(r)
	if err := r.Err(); err != nil {
		return false, fmt.Errorf("read order: %w", err)
	}
	c.received = files
	if c.inside {
		return true, nil
	}
	if len(files)-1 != len(c.order.trees) {
		return false, fmt.Errorf("read order: %d mounts came, %d are due", len(files)-1, len(c.order.trees))
	}
	c.trees = make(map[string][]int, len(c.order.trees))
	for i, path := range c.order.trees {
		c.trees[path] = append(c.trees[path], int(files[i+1].Fd()))
	}
	return true, nil
}

// setUp does everything that does not depend on what the parent does meanwhile.
func (c *child) setUp() (master *os.File, err error) {
	if err := c.setPersonality(); err != nil {
		return nil, err
	}
	if c.inside {
		return c.join()
	}
	unix.Umask(0)
	if c.namespaces&unix.CLONE_NEWCGROUP != 0 {
		if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
			return nil, fmt.Errorf("new cgroup namespace: %w", err)
		}
	}
	if c.namespaces&unix.CLONE_NEWNET != 0 {
		if err := linux.LoopbackUp(); err != nil {
			return nil, err
		}
	}
	if c.hostname != "" {
		if err := unix.Sethostname([]byte(c.hostname)); err != nil {
			return nil, fmt.Errorf("set host name %q: %w", c.hostname, err)
		}
	}
	if c.domainname != "" {
		if err := unix.Setdomainname([]byte(c.domainname)); err != nil {
			return nil, fmt.Errorf("set domain name %q: %w", c.domainname, err)
		}
	}
	// Both need the caller's /proc, which pivot_root takes away.
	if err := c.setOOMScore(); err != nil {
		return nil, err
	}
	if len(c.sysctls) > 0 {
		if c.procSys, err = unix.Open("/proc/sys", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
			return nil, fmt.Errorf("open /proc/sys: %w", err)
		}
	}
	if master, err = c.setUpRoot(); err != nil {
		return nil, err
	}
	return master, c.enterWorkingDirectory()
}

func (c *child) reportReady(master *os.File) error {
	var files []*os.File
	if master != nil {
		files = append(files, master)
		defer master.Close()
	}
	return linux.Send(c.sock, []byte{msgReady}, files...)
}
