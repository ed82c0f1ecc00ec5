// To learn of a cgroup's limit of processor time the runtime would read all mounts at each start, a tenth of what
// that costs, and again and again. What works on many processors is in other programs.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command rc runs containers for an ordinary user.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/userns"
)

// version is set by the Makefile: -ldflags "-X main.version=…".
var version = ""

// stackSize is what the deepest verbs need, decoding JSON below cobra.
const stackSize = 20 << 10

// growStack makes the stack as large as it will be, while there is next to nothing on it. Else it
// is doubled and copied four times, each time from deeper down, and each frame's tables are read for
// that: a tenth of what starting rc costs. The space is not used, and therefore not cleared.
//
//go:noinline
func growStack(use bool) {
	if use {
		var space [stackSize]byte
		touch(&space)
	}
}

//go:noinline
func touch(*[stackSize]byte) {}

// defaultPath is where helpers are looked for without PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func main() {
	processors := runtime.GOMAXPROCS(1)
	growStack(len(os.Args) == 0)
	if _, set := os.LookupEnv("PATH"); !set { // as under env -i, where a shell has one all the same
		_ = os.Setenv("PATH", defaultPath)
	}
	a := &cli.App{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: version, Started: time.Now(),
		Processors: processors,
	}
	if userns.InReexec() {
		if err := userns.EnterReexec(); err != nil {
			os.Exit(cli.Report(a.Stderr, err))
		}
		a.InUserns = true
	}
	os.Exit(run(a, os.Args[1:]))
}

// run is rc without the process around it.
func run(a *cli.App, args []string) int {
	root := newRootCommand(a, args)
	if err := cli.CheckGlobalFlags(root, args); err != nil {
		return cli.Report(a.Stderr, err)
	}
	ctx, interrupted := untilSignal()
	root.SetArgs(args)
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if word := commandWord(root, args); err != nil && cmd == root && word != "" {
		// cobra's own words for an unknown command, or for a flag behind one.
		err = cli.UnknownCommand(root, word)
	}
	code := cli.Report(a.Stderr, err)
	a.Finished(code)
	_, ran := errors.AsType[errs.Exit](err) // a command's own code
	if sig := interrupted(); sig != 0 && err != nil && !ran {
		return errs.CodeSignal + int(sig)
	}
	return code
}

// untilSignal is a context that ends with the first of the signals that ask rc to end; a second
// one ends rc at once. The function tells which came, 0 for none.
func untilSignal() (context.Context, func() syscall.Signal) {
	ctx, cancel := context.WithCancel(context.Background())
	caught := make(chan os.Signal, 1)
	linux.Catch(caught, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	var first atomic.Int32
	go func() {
		if sig, ok := (<-caught).(syscall.Signal); ok {
			first.Store(int32(sig))
		}
		signal.Stop(caught)
		cancel()
	}()
	return ctx, func() syscall.Signal { return syscall.Signal(first.Load()) }
}
