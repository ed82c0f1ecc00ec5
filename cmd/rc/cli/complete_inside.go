package cli

import (
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/overlay"
)

// ContainerLayers are the directories that a container's root is made of, nil where it is not there.
// What is mounted in it is not in them.
func ContainerLayers(a *App, name string) []string {
	if a.Load() != nil {
		return nil
	}
	id, err := records.Of(a.Config).FindID(name)
	if err != nil {
		return nil
	}
	layers, _ := container.Layers(a.Config, id)
	return layers
}

// ImageLayers are those of an image, nil where it is not there.
func ImageLayers(a *App, name string) []string {
	if a.Load() != nil {
		return nil
	}
	ix, err := index.Read(a.Config)
	if err != nil {
		return nil
	}
	entry, err := ix.Find(name)
	if err != nil {
		return nil
	}
	image, err := ix.Load(entry)
	if err != nil {
		return nil
	}
	return image.Lower
}

// CompleteCommand offers the words of a command in a container with these layers: its programs for the
// first, and its files where a path is typed.
func CompleteCommand(layers, command []string, word string) ([]string, cobra.ShellCompDirective) {
	if strings.HasPrefix(word, "/") {
		return CompletePath(layers, "", word)
	}
	if len(command) > 0 || strings.HasPrefix(word, ".") {
		return nil, cobra.ShellCompDirectiveDefault // relative to what nobody has said: the shell's are as good
	}
	var programs []string
	for _, dir := range []string{"bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin"} {
		for _, name := range overlay.Names(layers, dir) {
			if strings.HasPrefix(name, word) && !strings.HasSuffix(name, "/") {
				programs = append(programs, name)
			}
		}
	}
	slices.Sort(programs)
	return slices.Compact(programs), cobra.ShellCompDirectiveNoFileComp
}

// CompletePath offers files of layers whose paths begin with typed, each behind prefix.
func CompletePath(layers []string, prefix, typed string) ([]string, cobra.ShellCompDirective) {
	dir, base := path.Split(typed)
	directive := cobra.ShellCompDirectiveNoFileComp
	var list []string
	for _, name := range overlay.Names(layers, path.Join("/", dir)) {
		if !strings.HasPrefix(name, base) || name[0] == '.' && !strings.HasPrefix(base, ".") {
			continue
		}
		if strings.HasSuffix(name, "/") {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		list = append(list, prefix+dir+name)
	}
	return list, directive
}
