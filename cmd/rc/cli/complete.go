package cli

import (
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/secret"
	"github.com/rc-containers/rc/pkg/state"
)

// Completion is what cobra calls with what has been typed of a word.
type Completion = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective)

// CompleteContainers offers names of containers, and ids where an id is being typed. limit
// is how many arguments the verb takes, 0 for any number.
func CompleteContainers(a *App, limit int) Completion {
	return func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if limit > 0 && len(args) >= limit || a.Load() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return remaining(ContainerNames(a, word), args), cobra.ShellCompDirectiveNoFileComp
	}
}

// ContainerNames are the names, and the ids where one is being typed. No record is read: a
// shell asks at each press of a key.
func ContainerNames(a *App, word string) []string {
	root := state.Root{Data: a.Config.DataRoot, Run: a.Config.RunRoot}
	names, _ := root.Names()
	if word == "" {
		return names
	}
	ids, _ := root.IDs(word)
	for _, id := range ids {
		names = append(names, format.ShortID(id))
	}
	return names
}

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
	names, _ := container.Volumes(a.Config).Names()
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
			short := strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")
			names = append(names, short)
			if word != "" && short != name && strings.HasPrefix(name, word) {
				names = append(names, name)
			}
		}
		if word != "" && strings.HasPrefix(entry.ID, word) {
			names = append(names, format.ShortID(entry.ID))
		}
	}
	return names
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
	store, err := container.Networks(a.Config)
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

// CompleteFormat offers the fields of --format's row, and those of a field that is being
// typed.
func CompleteFormat(cmd *cobra.Command, row any) {
	Must(cmd.RegisterFlagCompletionFunc("format", func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		words := []string{"json"}
		for _, path := range fieldPaths(reflect.TypeOf(row), strings.TrimPrefix(word, "{{")) {
			words = append(words, "{{"+path+"}}")
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}))
}

// fieldPaths are the fields of t as a template writes them, and below the one that typed
// begins with, its own.
func fieldPaths(t reflect.Type, typed string) []string {
	var paths []string
	for _, field := range format.Fields(t) {
		paths = append(paths, field)
		inner := strings.TrimPrefix(field, ".")
		if t.Kind() != reflect.Struct || !strings.HasPrefix(typed, field+".") {
			continue
		}
		if f, ok := t.FieldByName(inner); ok && f.Type.Kind() == reflect.Struct {
			for _, path := range fieldPaths(f.Type, strings.TrimPrefix(typed, field)) {
				paths = append(paths, field+path)
			}
		}
	}
	return paths
}

// CompleteKeys offers KEY= for keys of a flag such as --filter; values, which may be nil,
// gives those of one key.
func CompleteKeys(keys []string, values func(key string) []string) Completion {
	return func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		var words []string
		key, _, typed := strings.Cut(word, "=")
		if !typed || values == nil {
			for _, k := range keys {
				words = append(words, k+"=")
			}
			return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		for _, value := range values(key) {
			words = append(words, key+"="+value)
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// Platforms are those that --platform offers.
func Platforms() []string {
	return []string{"linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le", "linux/riscv64", "linux/s390x"}
}

// CompleteChanges offers the instructions of --change.
func CompleteChanges() Completion {
	var words []string
	for _, instruction := range image.ChangeInstructions() {
		words = append(words, instruction+"=")
	}
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)
}
