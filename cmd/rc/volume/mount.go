package volume

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/files"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
)

type mountOptions struct{ Names []string }

func newMountCommand(a *cli.App, runF cli.RunFunc[mountOptions]) *cobra.Command {
	opts := &mountOptions{}
	return &cobra.Command{
		Use:   "mount VOLUME [VOLUME...]",
		Short: "Show where the files of volumes are, in rc unshare",
		Long: `Prints the directories of volumes, for the shell of rc unshare, in which containers' ids
are known. Volumes with options are mounted there first: that mount is this shell's
own, and a volume in memory is another one for each container.`,
		Example: `rc volume mount data`,
		Args:    cli.AtLeast(1, "a volume"),

		ValidArgsFunction: cli.CompleteVolumes(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			return runF(cmd.Context(), a, opts)
		},
	}
}

func mountVolumes(_ context.Context, a *cli.App, opts *mountOptions) error {
	return inUnshare(a, "volume mount", opts.Names, func(name string) (string, error) { return files.MountVolume(a.Config, name) })
}

func newUnmountCommand(a *cli.App, runF cli.RunFunc[mountOptions]) *cobra.Command {
	opts := &mountOptions{}
	return &cobra.Command{
		Use:     "unmount VOLUME [VOLUME...]",
		Aliases: []string{"umount"},
		Short:   "Take back what rc volume mount has mounted",
		Long:    `Unmounts volumes that rc volume mount has mounted in this shell of rc unshare.`,
		Example: `rc volume unmount data`,
		Args:    cli.AtLeast(1, "a volume"),

		ValidArgsFunction: cli.CompleteVolumes(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			return runF(cmd.Context(), a, opts)
		},
	}
}

func unmountVolumes(_ context.Context, a *cli.App, opts *mountOptions) error {
	return inUnshare(a, "volume unmount", opts.Names, func(name string) (string, error) { return name, files.UnmountVolume(a.Config, name) })
}

// inUnshare does something to each volume, and prints what comes of it.
func inUnshare(a *cli.App, verb string, names []string, do func(string) (string, error)) error {
	if err := files.NeedUnshare(verb); err != nil {
		return err
	}
	var failed []error
	for _, name := range names {
		found, err := records.Volumes(a.Config).Find(name)
		if err == nil {
			found, err = do(found)
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		fmt.Fprintln(a.Stdout, found)
	}
	return cli.Last(a, failed, errs.Code)
}
