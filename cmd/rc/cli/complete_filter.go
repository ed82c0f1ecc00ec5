package cli

import (
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/events"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/secret"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// Kind is what a verb lists, and with that what its filters can be about.
type Kind string

// The kinds.
const (
	Containers Kind = "container"
	Images     Kind = "image"
	Volumes    Kind = "volume"
	Networks   Kind = "network"
	Secrets    Kind = "secret"
	Events     Kind = "event"
	Anything   Kind = ""
)

// CompleteFilter offers keys of --filter, and the values that a key can have.
func CompleteFilter(a *App, cmd *cobra.Command, kind Kind, keys []string) {
	Must(cmd.RegisterFlagCompletionFunc("filter", CompleteKeys(keys, func(key string) []string {
		if fixed := fixedValues(kind, key); fixed != nil || a.Load() != nil {
			return fixed
		}
		return liveValues(a, kind, key)
	})))
}

// fixedValues are those of keys that have the same everywhere.
func fixedValues(kind Kind, key string) []string {
	switch key {
	case "dangling", "readonly", "intermediate", "anonymous", "is-official", "is-automated", "should-start-on-boot":
		return []string{"true", "false"}
	case "containers":
		return []string{"true", "false", "external"}
	case "scope":
		return []string{spec.DriverLocal}
	case "health":
		return records.HealthStatuses()
	case "restart-policy":
		return spec.RestartPolicies()
	case "type":
		if kind == Networks {
			return []string{"builtin", "custom"}
		}
		return events.Types()
	case "event":
		return events.Statuses()
	case "status":
		if kind == Events {
			return events.Statuses()
		}
		return records.Statuses()
	case "driver":
		return map[Kind][]string{Volumes: {spec.DriverLocal}, Networks: {bridge.Driver}, Secrets: {"file"}}[kind]
	}
	return nil
}

// liveValues are those of keys about what there is.
func liveValues(a *App, kind Kind, key string) []string {
	switch key {
	case "name", "id", "before", "since", "after":
		return names(a, kind, key == "id")
	case "container", "ancestor", "image", "reference", "volume", "network":
		of := map[string]Kind{"container": Containers, "volume": Volumes, "network": Networks}[key]
		if of == "" {
			of = Images
		}
		return names(a, of, false)
	case "label", "label!":
		return labels(a, kind)
	case "exited", "command":
		return ends(a, key)
	}
	return nil
}

// names are those of all there is of a kind, or the ids.
func names(a *App, kind Kind, ids bool) []string {
	switch kind {
	case Containers:
		if ids {
			all, _ := records.Of(a.Config).IDs("")
			for i, id := range all {
				all[i] = format.ShortID(id)
			}
			return all
		}
		return ContainerNames(a, "", AnyState)
	case Images:
		return ImageNames(a, "")
	case Volumes:
		return VolumeNames(a)
	case Networks:
		return NetworkNames(a)
	case Secrets:
		all, _ := secret.At(a.Config.DataRoot).Names()
		return all
	}
	return nil
}

// labels are KEY=VALUE of all there is of a kind; of anything, those of containers.
func labels(a *App, kind Kind) []string {
	found := map[string]bool{}
	note := func(labels map[string]string) {
		for key, value := range labels {
			found[key] = true
			found[key+"="+value] = true
		}
	}
	switch kind {
	case Containers, Anything, Events:
		for _, e := range sample(a) {
			note(e.Labels)
		}
	case Volumes:
		root := records.Volumes(a.Config)
		all, _ := root.Names()
		for _, name := range all {
			if v, err := root.Load(name); err == nil {
				note(v.Labels)
			}
		}
	case Networks:
		if store, err := records.Networks(a.Config); err == nil {
			all, _ := store.List()
			for _, n := range all {
				note(n.Labels)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// readMost is of how many containers the records are read while a user waits for a tab key: 10 ms.
const readMost = 250

// sample are the records of so many.
func sample(a *App) []*state.Entry {
	root := records.Of(a.Config)
	ids, _ := root.IDs("")
	var entries []*state.Entry
	for _, id := range ids[:min(len(ids), readMost)] {
		if e, err := root.Find(id); err == nil {
			entries = append(entries, e)
		}
	}
	return entries
}

// ends are the exit codes or the commands of containers.
func ends(a *App, key string) []string {
	found := map[string]bool{}
	for _, e := range sample(a) {
		switch {
		case key == "command" && len(e.Command) > 0:
			found[e.Command[0]] = true
		case key == "exited" && e.Status == state.Exited && e.Exit != nil:
			found[strconv.Itoa(e.Exit.Code)] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
