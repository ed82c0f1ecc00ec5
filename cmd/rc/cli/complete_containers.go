package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/state"
)

// A Fit says whether a verb can do something with a container of a status, which is "" of one that
// has exited or was only created.
type Fit func(status string) bool

// AnyState fits every container.
func AnyState(string) bool { return true }

// Running fits those with a process that can answer.
func Running(status string) bool { return status == state.Running }

// Paused fits those that unpause is for.
func Paused(status string) bool { return status == state.Paused }

// Alive fits those that a shim looks after.
func Alive(status string) bool {
	e := state.Entry{Status: status}
	return e.Alive()
}

// Startable fits those that do not run.
func Startable(status string) bool { return !Alive(status) || status == state.Initialized }

// Stopped fits those that nobody looks after.
func Stopped(status string) bool { return !Alive(status) }

// CompleteContainers offers names of containers that fit, and ids where an id is being typed. limit
// is how many arguments the verb takes, 0 for any number.
func CompleteContainers(a *App, limit int, fit Fit) Completion {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if limit > 0 && len(args) >= limit || chosen(cmd) || a.Load() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return describeContainers(a, remaining(ContainerNames(a, word, fit), args)), cobra.ShellCompDirectiveNoFileComp
	}
}

// chosen tells that flags say already which containers are meant.
func chosen(cmd *cobra.Command) bool {
	for _, flag := range []string{"all", "latest"} {
		if f := cmd.Flags().Lookup(flag); f != nil && f.Changed {
			return true
		}
	}
	return false
}

// ContainerNames are the names that begin with word, and the ids where one is being typed. Records are
// read only of those that run: a shell asks at each press of a key.
func ContainerNames(a *App, word string, fit Fit) []string {
	if a.Load() != nil {
		return nil
	}
	all, _ := records.Of(a.Config).Glance()
	var names, ids []string
	for _, c := range all {
		if !fit(c.Status) {
			continue
		}
		if strings.HasPrefix(c.Name, word) {
			names = append(names, c.Name)
		}
		if word != "" && strings.HasPrefix(c.ID, word) {
			ids = append(ids, format.ShortID(c.ID))
		}
	}
	return append(names, ids...)
}

// describedMost is to how many containers a shell says what they are: each costs reading a record, and
// nobody reads longer lists.
const describedMost = 40

// describeContainers adds status and image to names.
func describeContainers(a *App, names []string) []string {
	if len(names) > describedMost {
		return names
	}
	root := records.Of(a.Config)
	now := time.Now()
	for i, name := range names {
		if e, err := root.Find(name); err == nil {
			names[i] = cobra.CompletionWithDesc(name, records.StatusText(*e, now)+", "+ShortImageName(e.Image))
		}
	}
	return names
}
