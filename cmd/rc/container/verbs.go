package container

import (
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/files"
)

// Verbs are rc VERB and rc container VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "attach", Make: func() *cobra.Command { return newAttachCommand(a, attachContainer) }},
		{Name: "exec", Make: func() *cobra.Command { return newExecCommand(a, execContainer) }},
		{Name: "start", Make: func() *cobra.Command { return newStartCommand(a, startContainers) }},
		{Name: "logs", Make: func() *cobra.Command { return newLogsCommand(a, showLogs) }},
		{Name: "run", Make: func() *cobra.Command { return newRunCommand(a, runContainer) }},
		{Name: "create", Make: func() *cobra.Command { return newCreateCommand(a, createContainer) }},
		{Name: "mount", Make: func() *cobra.Command { return newMountCommand(a, mountContainers) }},
		{Name: "unmount", Make: func() *cobra.Command { return newUnmountCommand(a, unmountContainers) }},
		{Name: "stats", Make: func() *cobra.Command { return newStatsCommand(a, showStats) }},
		{Name: "top", Make: func() *cobra.Command { return newTopCommand(a, showTop) }},
		{Name: "commit", Make: func() *cobra.Command { return newCommitCommand(a, commitContainer) }},
		{Name: "export", Make: func() *cobra.Command { return newExportCommand(a, exportContainer) }},
		{Name: "diff", Make: func() *cobra.Command { return newDiffCommand(a, printDiff) }},
		{Name: "cp", Make: func() *cobra.Command { return newCpCommand(a, copyFiles) }},
		{Name: files.SideVerb, Make: func() *cobra.Command { return newCopySideCommand(a, copySide) }},
		{Name: "ps", Make: func() *cobra.Command { return newPsCommand(a, printContainers) }},
		{Name: "rm", Make: func() *cobra.Command { return newRmCommand(a, removeContainers) }},
		{Name: "stop", Make: func() *cobra.Command { return newStopCommand(a, stopContainers) }},
		{Name: "kill", Make: func() *cobra.Command { return newKillCommand(a, killContainers) }},
		{Name: "pause", Make: func() *cobra.Command { return newPauseCommand(a, pauseContainers) }},
		{Name: "unpause", Make: func() *cobra.Command { return newUnpauseCommand(a, pauseContainers) }},
		{Name: "wait", Make: func() *cobra.Command { return newWaitCommand(a, waitForContainers) }},
		{Name: "restart", Make: func() *cobra.Command { return newRestartCommand(a, restartContainers) }},
		{Name: "update", Make: func() *cobra.Command { return newUpdateCommand(a, updateContainers) }},
		{Name: "port", Make: func() *cobra.Command { return newPortCommand(a, showPorts) }},
		{Name: "rename", Make: func() *cobra.Command { return newRenameCommand(a, renameContainer) }},
	}
}

// NounVerbs are rc container VERB only.
func NounVerbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		InitVerb(a),
		{Name: "cleanup", Make: func() *cobra.Command { return newCleanupCommand(a, cleanUpContainers) }},
		{Name: "prune", Make: func() *cobra.Command { return newPruneCommand(a, pruneContainers) }},
		{Name: "exists", Make: func() *cobra.Command { return newExistsCommand(a, containerExists) }},
	}
}
