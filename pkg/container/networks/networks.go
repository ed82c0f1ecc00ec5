package networks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/events"
	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/state"
)

// List is every network, with how many containers are on record for it.
func List(cfg *config.Config, filter bridge.Filter) ([]bridge.Listed, error) {
	store, err := records.Networks(cfg)
	if err != nil {
		return nil, err
	}
	all, err := store.List()
	if err != nil {
		return nil, err
	}
	users := users(cfg)
	var list []bridge.Listed
	for _, n := range all {
		l := bridge.Listed{Network: n, Users: len(users[n.Name]), Builtin: store.IsDefault(n.Name)}
		if filter.Match(&l) {
			list = append(list, l)
		}
	}
	return list, nil
}

// users are the containers on record for each network. A record that cannot be read is told by ps.
func users(cfg *config.Config) map[string][]state.Entry {
	entries, _ := records.Of(cfg).List()
	by := map[string][]state.Entry{}
	for _, e := range entries {
		for name := range strings.SplitSeq(e.Network, ",") {
			by[name] = append(by[name], e)
		}
	}
	return by
}

// RemoveOptions are those of Remove.
type RemoveOptions struct {
	// Force removes the containers on the network first, Timeout is their time to stop.
	Force   bool
	Timeout *uint
}

// Remove removes a network. errs.ErrInUse says that containers are on it.
func Remove(ctx context.Context, cfg *config.Config, name string, o RemoveOptions) (*bridge.Network, error) {
	store, err := records.Networks(cfg)
	if err != nil {
		return nil, err
	}
	n, err := store.Find(name)
	if err != nil {
		return nil, err
	}
	if store.IsDefault(n.Name) {
		return nil, errs.Invalidf("network %q: the default network cannot be removed", n.Name)
	}
	on := users(cfg)[n.Name]
	if len(on) > 0 && !o.Force {
		names := make([]string, len(on))
		for i := range on {
			names[i] = on[i].Name
		}
		return nil, errs.WithHint(fmt.Errorf("network %q: %w by containers %s", n.Name, errs.ErrInUse, strings.Join(names, ", ")),
			"rc network rm --force "+n.Name+", which removes them, too")
	}
	for _, e := range on {
		err := lifecycle.Remove(ctx, records.Of(cfg), e.ID, lifecycle.RemoveOptions{Force: true, Timeout: o.Timeout})
		if err != nil && !errors.Is(err, errs.ErrNotFound) {
			return nil, fmt.Errorf("network %q: %w", n.Name, err)
		}
	}
	if err := store.Remove(n.Name); err != nil {
		return nil, err
	}
	Emit(cfg, "remove", n, "")
	return n, nil
}

// Prune removes networks that no container is on record for, and returns their names.
func Prune(ctx context.Context, cfg *config.Config, filter bridge.Filter) ([]string, error) {
	list, err := List(cfg, filter)
	if err != nil {
		return nil, err
	}
	store, err := records.Networks(cfg)
	if err != nil {
		return nil, err
	}
	var gone []string
	for _, l := range list {
		if l.Users > 0 || store.IsDefault(l.Name) {
			continue
		}
		_, removed := Remove(ctx, cfg, l.Name, RemoveOptions{})
		switch {
		case errors.Is(removed, errs.ErrNotFound) || errors.Is(removed, errs.ErrInUse): // since we looked
		case removed != nil:
			err = errors.Join(err, removed)
		default:
			gone = append(gone, l.Name)
		}
	}
	slices.Sort(gone)
	return gone, err
}

// Emit notes what was done to a network, with the container that it was about. That it cannot
// be noted is no reason to do anything else.
func Emit(cfg *config.Config, status string, n *bridge.Network, containerID string) {
	e := events.Event{Type: events.Network, Status: status, ID: n.ID, Name: n.Name}
	if containerID != "" {
		e.Attributes = map[string]string{"container": containerID}
	}
	_ = events.Append(cfg.RunRoot, e)
}
