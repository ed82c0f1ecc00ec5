package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
)

// Exit codes of rm, as podman-rm(1) has them.
const (
	codeNoSuchContainer = 1
	codeContainerRuns   = 2
)

type rmOptions struct {
	Names, CIDFiles, Filters   []string
	Force, All, Ignore, Latest bool
	Timeout                    *uint
}

func newRmCommand(a *cli.App, runF cli.RunFunc[rmOptions]) *cobra.Command {
	opts := &rmOptions{}
	seconds := 0
	cmd := &cobra.Command{
		Use:   "rm [options] CONTAINER [CONTAINER...]",
		Short: "Remove containers",
		Long: `Removes containers and what they have written, by name, id or the beginning of an
id, and prints what it was given. A container that runs is removed with --force
only, which stops it first. Files are deleted in the background.

The exit code is 1 if a container was not there, 2 if one runs, 125 for another
error; the other containers are removed all the same.`,
		Example: `rc rm web
rc rm --force --time 2 web db
rc rm --all
rc rm --filter status=exited`,
		ValidArgsFunction: cli.CompleteContainers(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			if cmd.Flags().Changed("time") {
				if seconds < -1 {
					return errs.Invalidf("--time %d: want seconds, or -1 for no limit", seconds)
				}
				// -1 is for ever; a day and a bit is as good.
				n := uint(seconds)
				if seconds < 0 {
					n = 100_000
				}
				opts.Timeout, opts.Force = &n, true
			}
			if err := opts.check(); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.All, "all", "a", false, "Remove all containers")
	flags.StringArrayVar(&opts.CIDFiles, "cidfile", nil, "Remove the container whose id is in a file")
	flags.StringArrayVar(&opts.Filters, "filter", nil, "Remove what matches: KEY=VALUE, as in rc ps")
	flags.BoolVarP(&opts.Force, "force", "f", false, "Stop containers that run first; one that is not there is no error")
	flags.BoolVarP(&opts.Ignore, "ignore", "i", false, "A container that is not there is no error")
	flags.BoolVarP(&opts.Latest, "latest", "l", false, "Remove the newest container")
	flags.IntVarP(&seconds, "time", "t", 0, "Seconds between the stop signal and SIGKILL; implies --force (default the container's own, 10)")
	flags.BoolP("volumes", "v", false, "Accepted and without effect: anonymous volumes lie in the container and always go with it")
	flags.Bool("depend", false, "Accepted and without effect: no container depends on another one")
	cli.Must(cmd.RegisterFlagCompletionFunc("filter", completeFilters(a)))
	cli.Must(cmd.RegisterFlagCompletionFunc("time", cobra.NoFileCompletions))
	return cmd
}

func (o *rmOptions) check() error {
	invalid := func(text string) error {
		return errs.WithHint(errs.Invalidf("rm: %s", text), "rc rm --help")
	}
	named := len(o.Names) > 0 || len(o.CIDFiles) > 0
	switch {
	case o.All && o.Latest:
		return invalid("--all together with --latest")
	case (o.All || o.Latest) && named:
		return invalid("names together with --all or --latest")
	case len(o.Filters) > 0 && (named || o.Latest):
		return invalid("--filter together with names or --latest")
	case !o.All && !o.Latest && !named && len(o.Filters) == 0:
		return invalid("name a container, or --all, --latest, --filter, --cidfile")
	}
	return nil
}

// victim is one container to be removed, and what to print.
type victim struct {
	said, id string
	err      error
}

func removeContainers(ctx context.Context, a *cli.App, opts *rmOptions) error {
	victims, err := opts.victims(container.Records(a.Config))
	if err != nil {
		return err
	}
	err = opts.removed(ctx, a, victims)
	// What killed processes left goes along; a failure is about another container.
	_ = container.Sweep(ctx, a.Config)
	container.SweepCgroups(ctx)
	if trashErr := container.EmptyTrash(ctx, a.Config, 0); trashErr != nil {
		// The containers are gone all the same; the next call tries again.
		fmt.Fprintln(a.Stderr, "Warning:", trashErr)
	}
	return err
}

// removed removes containers and prints those that it could.
func (o *rmOptions) removed(ctx context.Context, a *cli.App, victims []*victim) error {
	removeAll(ctx, container.Records(a.Config), victims, container.RemoveOptions{Force: o.Force, Timeout: o.Timeout})
	for _, v := range victims {
		if v.err == nil {
			fmt.Fprintln(a.Stdout, v.said)
		}
	}
	return o.failure(a, victims)
}

// removeAll removes containers at the same time: each may wait for its own to stop.
func removeAll(ctx context.Context, root state.Root, victims []*victim, o container.RemoveOptions) {
	const atOnce = 16
	turn := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for _, v := range victims {
		if v.err != nil || v.id == "" {
			continue
		}
		wait.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			v.err = container.Remove(ctx, root, v.id, o)
		})
	}
	wait.Wait()
}

// victims finds the containers that were asked for, each once.
func (o *rmOptions) victims(root state.Root) ([]*victim, error) {
	if len(o.Names) == 0 && len(o.CIDFiles) == 0 {
		return o.listed(root)
	}
	names := slices.Clone(o.Names)
	for _, file := range o.CIDFiles {
		data, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) && (o.Ignore || o.Force) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("--cidfile %q: %w", file, errors.Unwrap(err))
		}
		id, _, _ := strings.Cut(string(data), "\n")
		names = append(names, strings.TrimSpace(id))
	}
	var victims []*victim
	seen := map[string]bool{}
	for _, name := range names {
		v := &victim{said: name}
		v.id, v.err = root.FindID(name)
		if v.id != "" && seen[v.id] {
			continue
		}
		seen[v.id] = true
		victims = append(victims, v)
	}
	return victims, nil
}

// listed are those of --all, --latest and --filter. Broken records belong to all.
func (o *rmOptions) listed(root state.Root) ([]*victim, error) {
	filters, err := container.ParseFilters(root, o.Filters)
	if err != nil {
		return nil, err
	}
	list := container.ListOptions{All: true, Filters: filters}
	if o.Latest {
		list.Last = 1
	}
	entries, broken := container.List(root, list)
	var victims []*victim
	for _, e := range entries {
		victims = append(victims, &victim{said: e.ID, id: e.ID})
	}
	if o.Latest && len(victims) == 0 {
		return nil, fmt.Errorf("rm --latest: there is no container: %w", errs.ErrNotFound)
	}
	if o.All && len(o.Filters) == 0 {
		for _, err := range broken {
			v := &victim{err: err}
			if b := (*state.BrokenError)(nil); o.Force && errors.As(err, &b) {
				v = &victim{said: b.ID, id: b.ID}
			}
			victims = append(victims, v)
		}
	}
	return victims, nil
}

// failure prints all errors but returns one whose code says what happened.
func (o *rmOptions) failure(a *cli.App, victims []*victim) error {
	var failed []error
	for _, v := range victims {
		if v.err == nil || errors.Is(v.err, errs.ErrNotFound) && (o.Ignore || o.Force) {
			continue
		}
		failed = append(failed, v.err)
	}
	if len(failed) == 0 {
		return nil
	}
	code := 0
	for _, err := range failed {
		code = max(code, rmCode(err))
	}
	for _, err := range failed[:len(failed)-1] {
		cli.Report(a.Stderr, err)
	}
	return errs.WithCode(failed[len(failed)-1], code)
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
