package system

import (
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/system"
)

// Verbs are rc VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "unshare", Make: func() *cobra.Command { return newUnshareCommand(a, unshare) }},
		{Name: container.EmptyTrashVerb, Make: func() *cobra.Command { return newTrashCommand(a, emptyTrash) }},
		{Name: system.MeasureVerb, Make: func() *cobra.Command { return newMeasureCommand(a, measure) }},
		{Name: system.WipeVerb, Make: func() *cobra.Command { return newWipeCommand(a, wipe) }},
		{Name: system.MigrateVerb, Make: func() *cobra.Command { return newRechownCommand(a, rechown) }},
		{Name: "auto-update", Make: func() *cobra.Command { return newAutoUpdateCommand(a, autoUpdate) }},
		{Name: "events", Make: func() *cobra.Command { return newEventsCommand(a, printEvents) }},
		{Name: "info", Make: func() *cobra.Command { return newInfoCommand(a, printInfo) }},
		{Name: "version", Make: func() *cobra.Command { return newVersionCommand(a, printVersion) }},
		{Name: "completion", Make: func() *cobra.Command { return newCompletionCommand(a) }},
	}
}

// SystemVerbs are rc system VERB.
func SystemVerbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "df", Make: func() *cobra.Command { return newDfCommand(a, showUsage) }},
		{Name: "prune", Make: func() *cobra.Command { return newPruneCommand(a, pruneSystem) }},
		{Name: "reset", Make: func() *cobra.Command { return newResetCommand(a, resetSystem) }},
		{Name: "migrate", Make: func() *cobra.Command { return newMigrateCommand(a, migrateSystem) }},
		{Name: "check", Make: func() *cobra.Command { return newCheckCommand(a, checkSystem) }},
		{Name: "events", Make: func() *cobra.Command { return newEventsCommand(a, printEvents) }},
		{Name: "info", Make: func() *cobra.Command { return newInfoCommand(a, printInfo) }},
	}
}
