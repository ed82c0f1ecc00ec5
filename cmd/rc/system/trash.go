package system

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/errs"
)

type trashOptions struct{}

// newTrashCommand is what container.EmptyTrash starts in the background.
func newTrashCommand(a *cli.App, runF cli.RunFunc[trashOptions]) *cobra.Command {
	return &cobra.Command{
		Use:    container.EmptyTrashVerb,
		Short:  "Delete the files of removed containers",
		Hidden: true,
		Args:   cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runF(cmd.Context(), a, &trashOptions{})
		},
	}
}

func emptyTrash(ctx context.Context, a *cli.App, _ *trashOptions) error {
	if !a.InUserns {
		return errs.Invalidf("%s: rc calls it by itself", container.EmptyTrashVerb)
	}
	err := container.Records(a.Config).EmptyTrash(ctx)
	// What killed imports left is other ids', too.
	if err = errors.Join(err, container.Volumes(a.Config).Tidy()); err != nil {
		return fmt.Errorf("empty trash: %w", err)
	}
	return nil
}
