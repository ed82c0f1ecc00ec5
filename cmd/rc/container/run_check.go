package container

import (
	"context"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/runflags"
)

// CheckRun says what rc run would refuse about its arguments, without running anything.
func CheckRun(a *cli.App, args []string) error {
	cmd := newRunCommand(a, func(context.Context, *cli.App, *runflags.Options) error { return nil })
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetFlagErrorFunc(cli.FlagError)
	cmd.SetArgs(args)
	return cmd.ExecuteContext(context.Background())
}
