// Command rc runs containers for an ordinary user.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/userns"
)

// version is set by the Makefile: -ldflags "-X main.version=…".
var version = ""

func main() {
	a := &cli.App{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: version, Started: time.Now()}
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
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	root := newRootCommand(a, args)
	root.SetArgs(args)
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	// A second signal ends rc at once. Nothing else calls stop: the process ends.
	context.AfterFunc(ctx, stop)
	cmd, err := root.ExecuteContextC(ctx)
	if word := commandWord(root, args); err != nil && cmd == root && word != "" {
		// cobra's own words for an unknown command, or for a flag behind one.
		err = cli.UnknownCommand(root, word)
	}
	return cli.Report(a.Stderr, err)
}
