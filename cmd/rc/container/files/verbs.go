package files

import (
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/files"
)

// Verbs are rc VERB and rc container VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "cp", Make: func() *cobra.Command { return newCpCommand(a, copyFiles) }},
		{Name: files.SideVerb, Make: func() *cobra.Command { return newCopySideCommand(a, copySide) }},
		{Name: "diff", Make: func() *cobra.Command { return newDiffCommand(a, printDiff) }},
		{Name: "mount", Make: func() *cobra.Command { return newMountCommand(a, mountContainers) }},
		{Name: "unmount", Make: func() *cobra.Command { return newUnmountCommand(a, unmountContainers) }},
		{Name: "export", Make: func() *cobra.Command { return newExportCommand(a, exportContainer) }},
		{Name: "commit", Make: func() *cobra.Command { return newCommitCommand(a, commitContainer) }},
	}
}
