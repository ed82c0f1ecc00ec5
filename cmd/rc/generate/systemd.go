package generate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/systemd"
)

// Verbs are rc generate VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{{Name: "systemd", Make: func() *cobra.Command { return newSystemdCommand(a, writeUnits) }}}
}

type systemdOptions struct {
	Containers                 []string
	New, Name, Files, Template bool
	NoHeader                   bool
	RestartPolicy              string
	RestartSec, StartTimeout   uint
	StopTimeout                *uint // nil is the container's own
	ContainerPrefix, Separator string
	Wants, After, Requires     []string
	Env                        []string
	Format                     string
}

func restartPolicies() []string {
	return []string{"no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"}
}

func newSystemdCommand(a *cli.App, runF cli.RunFunc[systemdOptions]) *cobra.Command {
	opts := &systemdOptions{}
	var stop uint
	cmd := &cobra.Command{
		Use:   "systemd [options] CONTAINER [CONTAINER...]",
		Short: "Print systemd user units of containers",
		Long: `Prints a systemd unit for each container, for ~/.config/systemd/user: without --new one
that starts and stops the container as it is, with --new one that makes it at each start
by the command that made it, and removes it. A quadlet (rc quadlet --help) says the same in
fewer lines.`,
		Example: `rc generate systemd --new --name web > ~/.config/systemd/user/container-web.service
rc generate systemd --new --name --files web db
rc generate systemd --restart-policy always --time 5 web`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.AnyState),
		Args:              cli.AtLeast(1, "container"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Containers = args
			flags := cmd.Flags()
			if flags.Changed("stop-timeout") || flags.Changed("time") {
				opts.StopTimeout = &stop
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.New, "new", false, "Make the container anew at each start, by the command that made it")
	flags.BoolVarP(&opts.Name, "name", "n", false, "Use the container's name instead of its id")
	flags.BoolVarP(&opts.Files, "files", "f", false, "Write files NAME.service in the working directory, and print their paths")
	flags.BoolVar(&opts.Template, "template", false, "Make a unit NAME@.service whose containers are called NAME-INSTANCE; with --new")
	flags.BoolVar(&opts.NoHeader, "no-header", false, "Leave out who made it and when")
	flags.StringVar(&opts.RestartPolicy, "restart-policy", "on-failure", "Restart= of the unit")
	flags.UintVar(&opts.RestartSec, "restart-sec", 0, "RestartSec= of the unit, in seconds")
	flags.UintVar(&opts.StartTimeout, "start-timeout", 0, "TimeoutStartSec= of the unit, in seconds (default systemd's)")
	flags.UintVar(&stop, "stop-timeout", 0, "Seconds between the stop signal and SIGKILL (default the container's)")
	flags.UintVarP(&stop, "time", "t", 0, "The same as --stop-timeout")
	flags.StringVar(&opts.ContainerPrefix, "container-prefix", "container", "Beginning of the unit's name")
	flags.StringVar(&opts.Separator, "separator", "-", "What is between that and the container's name")
	cli.WordsVar(flags, &opts.Wants, "wants", "", "Units to be started with it")
	cli.WordsVar(flags, &opts.After, "after", "", "Units that it is started after")
	cli.WordsVar(flags, &opts.Requires, "requires", "", "Units that it does not start without")
	cli.ListVar(flags, &opts.Env, "env", "e", "Variable of the unit: KEY=VALUE")
	flags.StringVar(&opts.Format, "format", "", "json: an object of units by their names")
	cli.Must(cmd.RegisterFlagCompletionFunc("restart-policy", cobra.FixedCompletions(restartPolicies(), cobra.ShellCompDirectiveNoFileComp)))
	cli.Must(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveNoFileComp)))
	for _, flag := range []string{"restart-sec", "start-timeout", "container-prefix", "separator", "wants", "after", "requires"} {
		cli.Must(cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions))
	}
	return cmd
}

func writeUnits(_ context.Context, a *cli.App, opts *systemdOptions) error {
	units, names, err := opts.units(a)
	if err != nil {
		return err
	}
	if !systemd.Booted() {
		fmt.Fprintln(a.Stderr, "Warning: systemd does not run on this machine: the units are for one where it does")
	}
	if opts.Files {
		for i, name := range names {
			path, err := filepath.Abs(name + ".service")
			if err == nil {
				err = os.WriteFile(path, []byte(units[name]), 0o644)
			}
			if err != nil {
				return err
			}
			names[i] = path
			units[name] = path
		}
	}
	if opts.Format == "json" {
		encoder := json.NewEncoder(a.Stdout)
		encoder.SetIndent("", "    ")
		return encoder.Encode(units)
	}
	for _, name := range names {
		text := units[name]
		if opts.Files {
			text = name + "\n"
		}
		fmt.Fprint(a.Stdout, text)
	}
	return nil
}

// units makes all of them before anything is written.
func (o *systemdOptions) units(a *cli.App) (units map[string]string, names []string, err error) {
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	rc, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	root := records.Of(a.Config)
	units = map[string]string{}
	var problems []error
	for _, asked := range o.Containers {
		e, err := root.Find(asked)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		c, err := root.Load(e.ID)
		if err == nil {
			var name, text string
			if name, text, err = o.describe(c, rc, a.Version, time.Now()); err == nil {
				units[name] = text
				names = append(names, name)
			}
		}
		problems = append(problems, err)
	}
	return units, names, errors.Join(problems...)
}

func (o *systemdOptions) check() error {
	if o.Template && !o.New {
		return errs.WithHint(errs.Invalidf("generate systemd: --template makes containers: it needs --new"), "rc generate systemd --new --template NAME")
	}
	known := false
	for _, policy := range restartPolicies() {
		known = known || policy == o.RestartPolicy
	}
	if !known {
		return errs.Invalidf("--restart-policy %q: want one of %v", o.RestartPolicy, restartPolicies())
	}
	if o.Format != "" && o.Format != "json" {
		return errs.Invalidf("--format %q: want json", o.Format)
	}
	return nil
}
