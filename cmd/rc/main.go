// Command rc runs containers for an ordinary user.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/userns"
)

func main() {
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	if userns.InReexec() {
		if err := userns.EnterReexec(); err != nil {
			os.Exit(report(a.stderr, err))
		}
		a.inUserns = true
	}
	os.Exit(run(a, os.Args[1:]))
}

// run is rc without the process around it.
func run(a *app, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	root := newRootCommand(a, args)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	// A second signal ends rc at once. Nothing else calls stop: the process ends.
	context.AfterFunc(ctx, stop)
	cmd, err := root.ExecuteContextC(ctx)
	if word := commandWord(root, args); err != nil && cmd == root && word != "" {
		// cobra's own words for an unknown command, or for a flag behind one.
		err = unknownCommand(root, word)
	}
	return report(a.stderr, err)
}

// report prints an error and its hint, and gives the exit code.
func report(w io.Writer, err error) int {
	var exit errs.Exit
	if err == nil || errors.As(err, &exit) {
		return errs.Code(err)
	}
	for line := range strings.SplitSeq(err.Error(), "\n") { // what errors.Join has joined
		fmt.Fprintln(w, "Error:", line)
	}
	if hint := errs.Hint(err); hint != "" {
		fmt.Fprintln(w, "Hint:", hint)
	}
	return errs.Code(err)
}
