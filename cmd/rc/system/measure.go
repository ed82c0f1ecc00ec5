package system

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/system"
)

type measureOptions struct{}

// newMeasureCommand is what package system has run in the default map.
func newMeasureCommand(a *cli.App, runF cli.RunFunc[measureOptions]) *cobra.Command {
	return &cobra.Command{
		Use:    system.MeasureVerb,
		Short:  "Measure containers and images",
		Hidden: true,
		Args:   cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runF(cmd.Context(), a, &measureOptions{})
		},
	}
}

func measure(ctx context.Context, a *cli.App, _ *measureOptions) error {
	if !a.InUserns {
		return errs.Invalidf("%s: rc calls it by itself", system.MeasureVerb)
	}
	sizes, err := system.Measure(ctx, a.Config)
	if err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	return json.NewEncoder(a.Stdout).Encode(sizes)
}
