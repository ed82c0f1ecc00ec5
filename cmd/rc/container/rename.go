package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/state"
)

type renameOptions struct{ Name, NewName string }

func newRenameCommand(a *cli.App, runF cli.RunFunc[renameOptions]) *cobra.Command {
	return &cobra.Command{
		Use:   "rename CONTAINER NAME",
		Short: "Give a container another name",
		Long: `Gives a container another name, in whatever state it is. Its host name stays, as does
what other programs remember of it.`,
		Example:           "rc rename web web-old",
		Args:              cli.Between(2, 2, "a container, or its new name,"),
		ValidArgsFunction: cli.CompleteContainers(a, 1, cli.AnyState),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := state.CheckName(args[1]); err != nil {
				return err
			}
			return runF(cmd.Context(), a, &renameOptions{args[0], args[1]})
		},
	}
}

func renameContainer(ctx context.Context, a *cli.App, opts *renameOptions) error {
	root := records.Of(a.Config)
	id, err := root.FindID(opts.Name)
	if err != nil {
		return err
	}
	return lifecycle.Rename(ctx, root, id, opts.NewName)
}
