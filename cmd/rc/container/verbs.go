package container

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/files"
	"github.com/rc-containers/rc/cmd/rc/container/listing"
	"github.com/rc-containers/rc/pkg/container/records"
)

// Verbs are rc VERB and rc container VERB.
func Verbs(a *cli.App) []cli.Verb {
	return slices.Concat(files.Verbs(a), listing.Verbs(a), []cli.Verb{
		{Name: "attach", Make: func() *cobra.Command { return newAttachCommand(a, attachContainer) }},
		{Name: "exec", Make: func() *cobra.Command { return newExecCommand(a, execContainer) }, Serial: true},
		{Name: "start", Make: func() *cobra.Command { return newStartCommand(a, startContainers) }},
		{Name: "logs", Make: func() *cobra.Command { return newLogsCommand(a, showLogs) }},
		{Name: "run", Make: func() *cobra.Command { return newRunCommand(a, runContainer) }},
		{Name: "create", Make: func() *cobra.Command { return newCreateCommand(a, createContainer) }},
		{Name: "rm", Make: func() *cobra.Command { return newRmCommand(a, removeContainers) }},
		{Name: "stop", Make: func() *cobra.Command { return newStopCommand(a, stopContainers) }},
		{Name: "kill", Make: func() *cobra.Command { return newKillCommand(a, killContainers) }},
		{Name: "pause", Make: func() *cobra.Command { return newPauseCommand(a, pauseContainers) }},
		{Name: "unpause", Make: func() *cobra.Command { return newUnpauseCommand(a, pauseContainers) }},
		{Name: "wait", Make: func() *cobra.Command { return newWaitCommand(a, waitForContainers) }},
		{Name: "restart", Make: func() *cobra.Command { return newRestartCommand(a, restartContainers) }},
		{Name: "update", Make: func() *cobra.Command { return newUpdateCommand(a, updateContainers) }},
		{Name: "rename", Make: func() *cobra.Command { return newRenameCommand(a, renameContainer) }},
	})
}

// newExistsCommand is rc container exists.
func newExistsCommand(a *cli.App) *cobra.Command {
	cmd := cli.Exists("a", "container", "rc container exists web || rc run -d --name web nginx", cli.CompleteContainers(a, 1, cli.AnyState),
		func(_ context.Context, name string) error {
			_, err := records.Of(a.Config).FindID(name)
			return err
		})
	cmd.Use = "exists [options] CONTAINER"
	cmd.Flags().BoolP("external", "e", false, "Accepted and without effect: rc's store has no other containers")
	return cmd
}

// NounVerbs are rc container VERB only.
func NounVerbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		InitVerb(a),
		{Name: "cleanup", Make: func() *cobra.Command { return newCleanupCommand(a, cleanUpContainers) }},
		{Name: "prune", Make: func() *cobra.Command { return newPruneCommand(a, pruneContainers) }},
		{Name: "exists", Make: func() *cobra.Command { return newExistsCommand(a) }},
	}
}
