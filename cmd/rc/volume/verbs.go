package volume

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/records"
)

// Verbs are rc volume VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "create", Make: func() *cobra.Command { return newCreateCommand(a, createVolume) }},
		{Name: "exists", Make: func() *cobra.Command { return newExistsCommand(a) }},
		{Name: "export", Make: func() *cobra.Command { return newExportCommand(a, exportVolume) }},
		{Name: "import", Make: func() *cobra.Command { return newImportCommand(a, importVolume) }},
		{Name: "inspect", Make: func() *cobra.Command { return newInspectCommand(a, inspectVolumes) }},
		{Name: "ls", Make: func() *cobra.Command { return newLsCommand(a, listVolumes) }},
		{Name: "mount", Make: func() *cobra.Command { return newMountCommand(a, mountVolumes) }},
		{Name: "prune", Make: func() *cobra.Command { return newPruneCommand(a, pruneVolumes) }},
		{Name: "rm", Make: func() *cobra.Command { return newRmCommand(a, removeVolumes) }},
		{Name: "unmount", Make: func() *cobra.Command { return newUnmountCommand(a, unmountVolumes) }},
	}
}

// newExistsCommand is rc volume exists.
func newExistsCommand(a *cli.App) *cobra.Command {
	return cli.Exists("a", "volume", "rc volume exists data || rc volume create data", cli.CompleteVolumes(a, 1), func(_ context.Context, name string) error {
		_, err := records.Volumes(a.Config).Find(name)
		return err
	})
}
