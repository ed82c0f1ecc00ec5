package quadlet

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet"
)

type printOptions struct {
	Name string
	Unit bool
}

func newPrintCommand(a *cli.App, runF cli.RunFunc[printOptions]) *cobra.Command {
	opts := &printOptions{}
	cmd := &cobra.Command{
		Use:   "print [options] QUADLET",
		Short: "Print a quadlet",
		Long: `Prints the file of a quadlet as it is; with --unit the systemd unit that rc makes of it
and of its drop-ins.`,
		Example: `rc quadlet print web.container
rc quadlet print --unit web.container`,
		Args:              cli.Between(1, 1, "the name of a quadlet"),
		ValidArgsFunction: complete(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Name = args[0]
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.Unit, "unit", false, "Print the unit that is made of it")
	return cmd
}

func printQuadlets(_ context.Context, a *cli.App, opts *printOptions) error {
	set := load(a, nil)
	src, err := find(set, opts.Name)
	if err != nil {
		return err
	}
	if !opts.Unit {
		data, err := quadlet.ReadFile(src.Path)
		if err != nil {
			return fmt.Errorf("print quadlet: %w", err)
		}
		_, err = a.Stdout.Write(data)
		return err
	}
	units, err := convert(set)
	if err != nil {
		return err
	}
	for _, u := range units {
		if u.Source != src {
			continue
		}
		if err := u.Err(); err != nil {
			return err
		}
		_, err := a.Stdout.Write(u.Text)
		return err
	}
	return fmt.Errorf("quadlet %q: %w", opts.Name, errs.ErrNotFound)
}

// convert makes the units of a set.
func convert(set *quadlet.Set) ([]quadlet.Unit, error) {
	program, err := quadlet.Program()
	if err != nil {
		return nil, err
	}
	return set.Convert(quadlet.Options{Program: program, By: "Made by rc quadlet"}), nil
}
