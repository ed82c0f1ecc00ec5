package container

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/cmd/rc/runflags"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

type updateOptions struct {
	selection.Selection
	lifecycle.UpdateOptions
}

func newUpdateCommand(a *cli.App, runF cli.RunFunc[updateOptions]) *cobra.Command {
	opts, given, restart := &updateOptions{}, &runflags.Flags{}, ""
	limits := pflag.NewFlagSet("", pflag.ContinueOnError)
	given.AddResources(limits)
	cmd := &cobra.Command{
		Use:   "update [options] CONTAINER [CONTAINER...]",
		Short: "Change limits and the restart policy of containers",
		Long: `Changes limits of containers, at once for those that run, and their restart policy, and
prints their ids. What is not given stays as it is; -1 for --pids-limit, --cpu-quota
and --memory-swap, 0 for the others, is no limit. After an error nothing is changed.`,
		Example: `rc update --memory 512m --cpus 1.5 web
rc update --restart unless-stopped web db`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.AnyState),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.parse(cmd, limits, given, restart); err != nil {
				return err
			}
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithLatest, "Update", "")
	cmd.Flags().AddFlagSet(limits)
	cmd.Flags().StringVar(&restart, "restart", "", "Start it anew when it ends: no, on-failure[:N], always or unless-stopped")
	return cmd
}

// parse makes options of the flags.
func (o *updateOptions) parse(cmd *cobra.Command, limits *pflag.FlagSet, given *runflags.Flags, restart string) error {
	p := runflags.NewParser(cmd.Flags())
	o.Resources = given.Resources(p)
	limits.VisitAll(func(f *pflag.Flag) {
		if cmd.Flags().Changed(f.Name) {
			o.Given = append(o.Given, f.Name)
		}
	})
	o.Restart = runflags.Optional(p, "restart", restart, parse.Restart)
	if err := p.Err(); err != nil {
		return err
	}
	if len(o.Given) == 0 && o.Restart == nil {
		return errs.WithHint(errs.Invalidf("update: say what to change"), cmd.CommandPath()+" --help")
	}
	return nil
}

func updateContainers(ctx context.Context, a *cli.App, opts *updateOptions) error {
	root := records.Of(a.Config)
	targets, err := opts.Find("update", root, selection.AnyState)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if t.ID != "" {
			t.Said = t.ID // as podman prints it
		}
	}
	return opts.Each(ctx, a, targets, func(ctx context.Context, t *selection.Target) error {
		return lifecycle.Update(ctx, root, t.ID, opts.UpdateOptions)
	}, errs.Code)
}
