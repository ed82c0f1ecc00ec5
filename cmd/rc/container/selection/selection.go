package selection

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
)

// Selection says which containers a verb is to work on.
type Selection struct {
	Names, CIDFiles, Filters []string
	All, Latest, Ignore      bool
}

// The flags of a Selection that a verb has.
const (
	WithAll = 1 << iota
	WithLatest
	WithFilter
	WithCIDFile
	WithIgnore
)

// Add declares flags. Deed is what the verb does, for their help: "Stop".
func (s *Selection) Add(a *cli.App, cmd *cobra.Command, which int, deed, all string) {
	flags := cmd.Flags()
	if which&WithAll != 0 {
		flags.BoolVarP(&s.All, "all", "a", false, deed+" "+all)
	}
	if which&WithCIDFile != 0 {
		cli.ListVar(flags, &s.CIDFiles, "cidfile", "", deed+" the container whose id is in a file")
	}
	if which&WithFilter != 0 {
		short := "f"
		if cmd.Name() == "rm" { // there it is --force
			short = ""
		}
		cli.ListVar(flags, &s.Filters, "filter", short, deed+" what matches: KEY=VALUE, as in rc ps")
		cli.CompleteFilter(a, cmd, cli.Containers, records.FilterKeys())
	}
	if which&WithIgnore != 0 {
		flags.BoolVarP(&s.Ignore, "ignore", "i", false, "A container that is not there is no error")
	}
	if which&WithLatest != 0 {
		flags.BoolVarP(&s.Latest, "latest", "l", false, deed+" the newest container")
	}
}

// Check takes the arguments and refuses what makes no sense together, before anything is
// looked at.
func (s *Selection) Check(cmd *cobra.Command, args []string) error {
	s.Names = args
	invalid := func(format string, args ...any) error {
		return errs.WithHint(errs.Invalidf(cmd.Name()+": "+format, args...), cmd.CommandPath()+" --help")
	}
	named := len(s.Names) > 0 || len(s.CIDFiles) > 0
	switch {
	case s.All && s.Latest:
		return invalid("--all together with --latest")
	case (s.All || s.Latest) && named:
		return invalid("names together with --all or --latest")
	case len(s.Filters) > 0 && (named || s.Latest):
		return invalid("--filter together with names or --latest")
	case !s.All && !s.Latest && !named && len(s.Filters) == 0:
		return invalid("name a container%s", s.instead(cmd))
	}
	return nil
}

// instead are the flags that do without a name.
func (s *Selection) instead(cmd *cobra.Command) string {
	var text strings.Builder
	for _, name := range []string{"all", "latest", "filter", "cidfile"} {
		if cmd.Flags().Lookup(name) != nil {
			text.WriteString(", --" + name)
		}
	}
	return strings.Replace(text.String(), ",", ", or", 1)
}

// Target is one container to be worked on, and what to print of it.
type Target struct {
	Said, ID string
	Err      error
}

// Find finds the containers, each once. Of --all and --filter it takes those that fit.
func (s *Selection) Find(verb string, root state.Root, fit func(state.Entry) bool) ([]*Target, error) {
	if len(s.Names) == 0 && len(s.CIDFiles) == 0 {
		return s.listed(verb, root, fit)
	}
	names := slices.Clone(s.Names)
	for _, file := range s.CIDFiles {
		data, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) && s.Ignore {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("--cidfile %q: %w", file, errors.Unwrap(err))
		}
		id, _, _ := strings.Cut(string(data), "\n")
		names = append(names, strings.TrimSpace(id))
	}
	var targets []*Target
	seen := map[string]bool{}
	for _, name := range names {
		t := &Target{Said: name}
		t.ID, t.Err = root.FindID(name)
		if t.ID != "" && seen[t.ID] {
			continue
		}
		seen[t.ID] = true
		targets = append(targets, t)
	}
	return targets, nil
}

// listed are those of --all, --latest and --filter. A record that cannot be read is an error
// of --all: what it hides could be meant.
func (s *Selection) listed(verb string, root state.Root, fit func(state.Entry) bool) ([]*Target, error) {
	filters, err := records.ParseFilters(root, s.Filters)
	if err != nil {
		return nil, err
	}
	list := records.ListOptions{All: true, Filters: filters}
	if s.Latest {
		list.Last = 1
	}
	entries, broken := records.List(root, list)
	var targets []*Target
	for _, e := range entries {
		if s.Latest || fit(e) {
			targets = append(targets, &Target{Said: e.ID, ID: e.ID})
		}
	}
	if s.Latest && len(targets) == 0 {
		return nil, fmt.Errorf("%s --latest: there is no container: %w", verb, errs.ErrNotFound)
	}
	if s.All && len(s.Filters) == 0 {
		for _, err := range broken {
			targets = append(targets, &Target{Err: err})
		}
	}
	return targets, nil
}

// AnyState fits every container.
func AnyState(state.Entry) bool { return true }

// Alive fits containers that a shim looks after.
func Alive(e state.Entry) bool { return e.Alive() }

// atOnce is how many containers are worked on at the same time. Most of the work is waiting:
// each container may have to wait for its own to stop.
const atOnce = 512

// Each does something to all targets that were found, side by side, and prints each one that
// it was done to, in their order. What went wrong is printed but for one error, which has the
// worst of the codes.
func (s *Selection) Each(
	ctx context.Context, a *cli.App, targets []*Target, do func(context.Context, *Target) error, code func(error) int,
) error {
	turn := make(chan struct{}, atOnce)
	ends := make([]chan struct{}, len(targets))
	for i, t := range targets {
		ends[i] = make(chan struct{})
		go func() {
			defer close(ends[i])
			if t.Err != nil || t.ID == "" {
				return
			}
			turn <- struct{}{}
			defer func() { <-turn }()
			t.Err = do(ctx, t)
		}()
	}
	for i, t := range targets {
		<-ends[i]
		if t.Err == nil && t.Said != "" {
			fmt.Fprintln(a.Stdout, t.Said)
		}
	}
	return s.Failure(a, targets, code)
}

// Failure prints all errors but one, which it returns, with a code that says what happened.
func (s *Selection) Failure(a *cli.App, targets []*Target, code func(error) int) error {
	var failed []error
	for _, t := range targets {
		if t.Err == nil || s.Ignore && errors.Is(t.Err, errs.ErrNotFound) {
			continue
		}
		failed = append(failed, t.Err)
	}
	return cli.Last(a, failed, code)
}

// One is the container of a verb that takes one.
func (s *Selection) One(verb string, a *cli.App) (id string, err error) {
	targets, err := s.Find(verb, records.Of(a.Config), AnyState)
	if err != nil {
		return "", err
	}
	return targets[0].ID, targets[0].Err
}
