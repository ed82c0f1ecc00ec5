package system

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/system"
)

// Verbs are rc VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "unshare", Make: func() *cobra.Command { return newUnshareCommand(a, unshare) }},
		cli.Internal(a, lifecycle.EmptyTrashVerb, "Delete the files of removed containers", func(ctx context.Context) error { return emptyTrash(ctx, a.Config) }),
		cli.Internal(a, system.MeasureVerb, "Measure containers and images", func(ctx context.Context) error { return measure(ctx, a) }),
		cli.Internal(a, system.WipeVerb, "Delete the data directory", func(context.Context) error { return system.Wipe(a.Config) }),
		cli.Internal(a, system.MigrateVerb, "Give files their new owners", func(ctx context.Context) error { return system.Rechown(ctx, a.Config) }),
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
