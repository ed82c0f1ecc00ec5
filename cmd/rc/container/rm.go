package container

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/placement"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
)

// Exit codes of rm, as podman-rm(1) has them.
const (
	codeNoSuchContainer = 1
	codeContainerRuns   = 2
)

type rmOptions struct {
	selection.Selection
	Force   bool
	Depend  bool
	Volumes bool
	Timeout *uint
}

func newRmCommand(a *cli.App, runF cli.RunFunc[rmOptions]) *cobra.Command {
	opts := &rmOptions{}
	var timeout cli.StopTimeout
	cmd := &cobra.Command{
		Use:   "rm [options] CONTAINER [CONTAINER...]",
		Short: "Remove containers",
		Long: `Removes containers and what they have written, by name, id or the beginning of an
id, and prints what it was given. A container that runs is removed with --force
only, which stops it first. One whose network others share (--network container:NAME),
or that others require, is removed with --depend only, which removes them, too. Files are deleted in the
background.

The exit code is 1 if a container was not there, 2 if one runs, 125 for another
error; the other containers are removed all the same.`,
		Example: `rc rm web
rc rm --force --time 2 web db
rc rm --all
rc rm --filter status=exited`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			fit := cli.Stopped
			if opts.Force {
				fit = cli.AnyState
			}
			return cli.CompleteContainers(a, 0, fit)(cmd, args, word)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opts.Timeout, err = timeout.Value(cmd); err != nil {
				return err
			}
			opts.Force = opts.Force || opts.Timeout != nil
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			// A container that is not there is as good as removed by force.
			opts.Ignore = opts.Ignore || opts.Force
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest|selection.WithFilter|selection.WithCIDFile|selection.WithIgnore, "Remove", "all containers")
	flags := cmd.Flags()
	flags.BoolVarP(&opts.Force, "force", "f", false, "Stop containers that run first; one that is not there is no error")
	timeout.Add(cmd, "; implies --force")
	flags.BoolVarP(&opts.Volumes, "volumes", "v", false, "Remove the containers' anonymous volumes, too; those that have a name stay")
	flags.BoolVar(&opts.Depend, "depend", false, "Remove the containers that share its network or require it, too")
	return cmd
}

func removeContainers(ctx context.Context, a *cli.App, opts *rmOptions) error {
	err := opts.remove(ctx, a)
	// What killed processes left goes along; a failure is about another container.
	_ = lifecycle.Sweep(ctx, a.Config)
	placement.Sweep(ctx)
	a.EmptyTrash(ctx)
	return err
}

// remove removes containers and prints those that it could.
func (o *rmOptions) remove(ctx context.Context, a *cli.App) error {
	root := records.Of(a.Config)
	targets, err := o.Find("rm", root, selection.AnyState)
	if err != nil {
		return err
	}
	for _, t := range targets {
		// --all --force takes away what cannot be read, too.
		if b := (*state.BrokenError)(nil); o.Force && errors.As(t.Err, &b) {
			*t = selection.Target{Said: b.ID, ID: b.ID}
		}
	}
	targets = o.dependents(root, targets)
	return o.Each(ctx, a, targets, func(ctx context.Context, t *selection.Target) error {
		return lifecycle.Remove(ctx, root, t.ID, lifecycle.RemoveOptions{Force: o.Force, Timeout: o.Timeout, Volumes: o.Volumes})
	}, rmCode)
}

// dependents refuses containers whose network others share, or adds those.
func (o *rmOptions) dependents(root state.Root, targets []*selection.Target) []*selection.Target {
	sharers := records.NetworkSharers(root)
	meant := map[string]bool{}
	for _, t := range targets {
		meant[t.ID] = true
	}
	for _, t := range slices.Clone(targets) {
		if t.Err != nil {
			continue
		}
		if !o.Depend {
			t.Err = sharers.Check(t.ID, t.Said, func(id string) bool { return meant[id] })
			continue
		}
		for _, e := range sharers.Of(t.ID) {
			if !meant[e.ID] {
				meant[e.ID] = true
				targets = append(targets, &selection.Target{Said: e.ID, ID: e.ID})
			}
		}
	}
	return targets
}

func rmCode(err error) int {
	switch {
	case errors.Is(err, errs.ErrNotFound):
		return codeNoSuchContainer
	case errors.Is(err, errs.ErrState):
		return codeContainerRuns
	}
	return errs.CodeError
}
