package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/errs"
)

type trashOptions struct{}

// newTrashCommand is what container.EmptyTrash starts in the background.
func newTrashCommand(a *app, runF runFunc[trashOptions]) *cobra.Command {
	return &cobra.Command{
		Use:    container.EmptyTrashVerb,
		Short:  "Delete the files of removed containers",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runF(cmd.Context(), a, &trashOptions{})
		},
	}
}

func emptyTrash(ctx context.Context, a *app, _ *trashOptions) error {
	if !a.inUserns {
		return fmt.Errorf("%s: rc calls it by itself: %w", container.EmptyTrashVerb, errs.ErrInvalid)
	}
	if err := container.Records(a.cfg).EmptyTrash(ctx); err != nil {
		return fmt.Errorf("empty trash: %w", err)
	}
	return nil
}
