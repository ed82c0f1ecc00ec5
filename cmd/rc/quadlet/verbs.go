package quadlet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet"
	"github.com/rc-containers/rc/pkg/systemd"
)

// Verbs are rc quadlet VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "install", Make: func() *cobra.Command { return newInstallCommand(a, install) }},
		{Name: "list", Make: func() *cobra.Command { return newListCommand(a, list) }},
		{Name: "print", Make: func() *cobra.Command { return newPrintCommand(a, printQuadlets) }},
		{Name: "rm", Make: func() *cobra.Command { return newRmCommand(a, remove) }},
		{Name: "verify", Make: func() *cobra.Command { return newVerifyCommand(a, verify) }},
	}
}

// load reads the user's quadlets; what cannot be read is told.
func load(a *cli.App, files []string) *quadlet.Set {
	dirs, problems := quadlet.Dirs()
	set, more := quadlet.Load(dirs, files)
	warn(a, append(problems, more...))
	return set
}

func warn(a *cli.App, problems []error) {
	for _, err := range problems {
		fmt.Fprintln(a.Stderr, "Warning:", err)
	}
}

// names are the names of the user's quadlets, for completion.
func names() []string {
	dirs, _ := quadlet.Dirs()
	set, _ := quadlet.Load(dirs, nil)
	return set.Names()
}

// complete offers names of quadlets that have not been typed yet.
func complete(limit int) cli.Completion {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if limit > 0 && len(args) >= limit {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var left []string
		for _, name := range names() {
			if !slices.Contains(args, name) {
				left = append(left, name)
			}
		}
		return left, cobra.ShellCompDirectiveNoFileComp
	}
}

// reload has systemd read the units again. Where there is no systemd, it is said, since nothing
// is lost: it reads them when it starts.
func reload(ctx context.Context, a *cli.App, asked bool) error {
	c, err := systemd.Connect(ctx, os.Getuid())
	if err == nil {
		defer func() { _ = c.Close() }()
		err = c.Reload(ctx)
	}
	switch {
	case asked && errors.Is(err, systemd.ErrNoSystemd):
		return err
	case asked:
	case errors.Is(err, systemd.ErrNoSystemd):
		warnNoSystemd(a)
		return nil
	case errors.Is(err, systemd.ErrNoManager):
		fmt.Fprintln(a.Stderr, "Warning: systemd has not read the units again:", err)
		return nil
	}
	return errs.WithHint(err, "systemctl --user daemon-reload")
}

// warnNoSystemd says what quadlets are good for on a machine that systemd does not run.
func warnNoSystemd(a *cli.App) {
	fmt.Fprintln(a.Stderr, "Warning: systemd does not run on this machine, so nothing starts quadlets here; they are kept for when it does, and rc quadlet verify and rc quadlet print --unit work")
}

// find is the quadlet of that name.
func find(set *quadlet.Set, name string) (*quadlet.Source, error) {
	if src := set.Source(filepath.Base(name)); src != nil {
		return src, nil
	}
	return nil, errs.WithHint(fmt.Errorf("quadlet %q: %w", name, errs.ErrNotFound), "rc quadlet list")
}
