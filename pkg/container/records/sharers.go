package records

import (
	"fmt"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// Sharers says which containers depend on which, by the id of these: they share its network
// (--network container:ID), or require it (--requires).
type Sharers map[string][]state.Entry

// NetworkSharers looks through all records.
func NetworkSharers(root state.Root) Sharers {
	s := Sharers{}
	entries, _ := root.List() // a broken one shares nothing until it is mended
	for _, e := range entries {
		for _, id := range e.Requires {
			s[id] = append(s[id], e)
		}
		if e.Network != spec.NetworkContainer {
			continue
		}
		if c, err := root.Load(e.ID); err == nil {
			s[c.Network.Target] = append(s[c.Network.Target], e)
		}
	}
	return s
}

// Of are those that depend on the container id, and those that depend on them.
func (s Sharers) Of(id string) []state.Entry {
	var all []state.Entry
	seen := map[string]bool{}
	next := []string{id}
	for len(next) > 0 {
		for _, e := range s[next[0]] {
			if !seen[e.ID] { // records that somebody has changed may go round in circles
				seen[e.ID] = true
				all, next = append(all, e), append(next, e.ID)
			}
		}
		next = next[1:]
	}
	return all
}

// Check is errs.ErrInUse where containers depend on one that is to go, but for those that go along.
func (s Sharers) Check(id, name string, along func(id string) bool) error {
	var names []string
	for _, e := range s.Of(id) {
		if !along(e.ID) {
			names = append(names, fmt.Sprintf("%q", e.Name))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return errs.WithHint(
		fmt.Errorf("remove container %q: it has dependent containers, which share its network or require it: %s: %w", name, strings.Join(names, ", "), errs.ErrInUse),
		"rc rm --depend "+name)
}
