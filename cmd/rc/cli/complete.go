package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/secret"
)

// Completion is what cobra calls with what has been typed of a word.
type Completion = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective)

// CompleteVolumes offers names of volumes.
func CompleteVolumes(a *App, limit int) Completion {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if limit > 0 && len(args) >= limit {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return remaining(VolumeNames(a), args), cobra.ShellCompDirectiveNoFileComp
	}
}

// VolumeNames are the names of all volumes.
func VolumeNames(a *App) []string {
	if a.Load() != nil {
		return nil
	}
	names, _ := records.Volumes(a.Config).Names()
	return names
}

// CompleteImages offers names of images, and ids where an id is being typed.
func CompleteImages(a *App, limit int) Completion {
	return func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if limit > 0 && len(args) >= limit || a.Load() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return remaining(ImageNames(a, word), args), cobra.ShellCompDirectiveNoFileComp
	}
}

// ImageNames are full names, and the short form of those on docker.io. A stale index is
// good enough here: completion creates no namespace.
func ImageNames(a *App, word string) []string {
	if a.Load() != nil {
		return nil
	}
	ix, err := index.Read(a.Config)
	if err != nil {
		return nil
	}
	entries, err := ix.All()
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		for _, name := range entry.Names {
			short := ShortImageName(name)
			names = append(names, short)
			if word != "" && short != name && strings.HasPrefix(name, word) {
				names = append(names, name)
			}
			if bare, local := strings.CutPrefix(name, "localhost/"); local && word != "" && strings.HasPrefix(bare, word) {
				names = append(names, bare)
			}
		}
		if word != "" && strings.HasPrefix(entry.ID, word) {
			names = append(names, format.ShortID(entry.ID))
		}
	}
	return names
}

// ShortImageName is a name as docker writes it, where docker.io is understood.
func ShortImageName(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")
}

// CompleteSecrets offers names of secrets.
func CompleteSecrets(a *App, limit int) Completion {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if limit > 0 && len(args) >= limit || a.Load() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names, _ := secret.At(a.Config.DataRoot).Names()
		return remaining(names, args), cobra.ShellCompDirectiveNoFileComp
	}
}

// CompleteNetworks offers names of networks.
func CompleteNetworks(a *App, limit int) Completion {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if limit > 0 && len(args) >= limit {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return remaining(NetworkNames(a), args), cobra.ShellCompDirectiveNoFileComp
	}
}

// NetworkNames are those of all networks.
func NetworkNames(a *App) []string {
	if a.Load() != nil {
		return nil
	}
	store, err := records.Networks(a.Config)
	if err != nil {
		return nil
	}
	names, _ := store.Names()
	return names
}

// remaining are the names that have not been typed yet.
func remaining(names, args []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(args, name) })
}
