package doctor

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/doctor"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/spec"
)

type options struct {
	Fix, JSON, List, Quiet bool
	Format                 string
	Checks                 []string
}

// Verbs are rc doctor and what it starts.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		Verb(a),
		{Name: doctor.ProbeVerb, Make: func() *cobra.Command { return newProbeCommand(a, probe) }},
	}
}

// Verb is rc doctor.
func Verb(a *cli.App) cli.Verb {
	return cli.Verb{Name: "doctor", Make: func() *cobra.Command { return newCommand(a, diagnose) }}
}

// codeWrong is the exit code where a check found a problem.
const codeWrong = 1

func newCommand(a *cli.App, runF cli.RunFunc[options]) *cobra.Command {
	opts := &options{}
	cmd := &cobra.Command{
		Use:   "doctor [options] [CHECK...]",
		Short: "Find what this machine lacks for containers, and how to mend it",
		Long: `Tries in order what containers of an ordinary user need: a user namespace is
made, an overlay is mounted, a container is run, a name is resolved in it. Each check
that does not come out well says what is wrong, why that matters, and the command
that mends it. A warning is something that works worse than it could, or not for
everything; with a problem, what rc is for does not work.

With names of checks (--list shows them), only those are done. With --fix, what needs
neither root nor a decision of yours is mended at once; commands with sudo are
never run.

Nothing is changed otherwise, and what a check makes is removed again. Names of
docker.io, or the first registry that is searched, are resolved; nothing else leaves
this machine.

The exit code is 0 where there is no problem, 1 where there is, 125 for an error of
rc doctor itself.`,
		Example: `rc doctor
rc doctor subuid network
rc doctor --fix
rc doctor --quiet || echo 'this machine cannot run containers yet'
rc doctor --format '{{.Check}} {{.State}}'`,
		// It works where the settings cannot be read: that is what it tells.
		Annotations: map[string]string{cli.NoConfig: ""},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return completeChecks(args), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Checks = args
			if err := opts.check(cmd); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.Fix, "fix", false, "Run the commands that need no root, and check again")
	flags.StringVar(&opts.Format, "format", "", "json, or a Go template for each finding")
	flags.BoolVar(&opts.JSON, "json", false, "Print JSON, as --format json does")
	flags.BoolVar(&opts.List, "list", false, "List the checks, and do none")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Leave out what is well")
	cli.CompleteFormat(cmd, doctor.Result{})
	return cmd
}

// check looks at the command line before anything is done.
func (o *options) check(cmd *cobra.Command) error {
	if o.JSON && o.Format != "" {
		return errs.WithHint(errs.Invalidf("doctor: --json together with --format"), cmd.CommandPath()+" --help")
	}
	if o.List && (o.Fix || o.JSON || o.Format != "" || o.Quiet || len(o.Checks) > 0) {
		return errs.WithHint(errs.Invalidf("doctor: --list takes no other option and no check"), "rc doctor --list")
	}
	if o.JSON {
		o.Format = "json"
	}
	for _, name := range o.Checks {
		if names := doctor.Names(); !slices.Contains(names, name) {
			err := errs.Invalidf("doctor: no check %q", name)
			if near := spec.Nearest(name, names); near != "" {
				err = errs.Invalidf("doctor: no check %q; did you mean %q?", name, near)
			}
			return errs.WithHint(err, "rc doctor --list")
		}
	}
	if o.Format == "" {
		return nil
	}
	return format.Check(o.Format, doctor.Result{}, format.Options{})
}

// completeChecks are the checks that have not been typed yet, with what they look at.
func completeChecks(args []string) []string {
	var words []string
	for _, c := range doctor.All() {
		if !slices.Contains(args, c.Name) {
			words = append(words, c.Name+"\t"+c.Title)
		}
	}
	return words
}

func diagnose(ctx context.Context, a *cli.App, opts *options) error {
	if opts.List {
		for _, c := range doctor.All() {
			fmt.Fprintf(a.Stdout, "%-12s %s\n", c.Name, c.Title)
		}
		return nil
	}
	h := doctor.ThisHost(func() (*config.Config, error) {
		a.Config = nil
		err := a.Load()
		return a.Config, err
	})
	h.Options = globals(a.Global)
	var results []doctor.Result
	page := newPage(a.Stdout, opts.Quiet)
	begun := time.Now()
	doctor.Run(ctx, h, selected(opts.Checks), opts.Fix, func(r doctor.Result) {
		results = append(results, r)
		if opts.Format == "" {
			page.result(r)
		}
	})
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	if opts.Format == "" {
		page.summary(results, time.Since(begun), opts.Fix)
	} else {
		if opts.Quiet {
			results = slices.DeleteFunc(results, func(r doctor.Result) bool { return r.State == doctor.OK })
		}
		if err := format.Print(a.Stdout, opts.Format, results, format.Options{}); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(results, func(r doctor.Result) bool { return r.State == doctor.Problem }) {
		return errs.Exit(codeWrong)
	}
	return nil
}

// selected are the checks of these names, or all, in the order in which they are to be done.
func selected(names []string) []doctor.Check {
	return slices.DeleteFunc(doctor.All(), func(c doctor.Check) bool { return len(names) > 0 && !slices.Contains(names, c.Name) })
}

// globals are the directories that rc was told, as it would be told again.
func globals(f config.Flags) string {
	var words []string
	for _, option := range []struct{ name, value string }{{"--root", f.Root}, {"--runroot", f.RunRoot}, {"--tmpdir", f.TmpDir}} {
		if option.value != "" {
			words = append(words, option.name, doctor.Quote(option.value))
		}
	}
	return strings.Join(words, " ")
}

type probeOptions struct {
	Probe string
	Args  []string
}

// newProbeCommand is what package doctor has run in a process of its own.
func newProbeCommand(a *cli.App, runF cli.RunFunc[probeOptions]) *cobra.Command {
	return &cobra.Command{
		Use: doctor.ProbeVerb, Short: "Try one thing for rc doctor", Hidden: true,
		Args:        cobra.MinimumNArgs(1),
		Annotations: map[string]string{cli.NoConfig: ""}, // in a container there are no settings
		RunE: func(cmd *cobra.Command, args []string) error {
			return runF(cmd.Context(), a, &probeOptions{args[0], args[1:]})
		},
	}
}

// probe is called twice for what is to be tried in the default map.
func probe(ctx context.Context, a *cli.App, opts *probeOptions) error {
	if doctor.InMap(opts.Probe) && !a.InUserns {
		if err := a.Load(); err != nil {
			return err
		}
		return a.Reexecute(ctx, os.Args[1:]...)
	}
	return doctor.Probe(ctx, a.Stdout, opts.Probe, opts.Args)
}
