package system

import (
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container"
)

// Verbs are rc VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "unshare", Make: func() *cobra.Command { return newUnshareCommand(a, unshare) }},
		{Name: container.EmptyTrashVerb, Make: func() *cobra.Command { return newTrashCommand(a, emptyTrash) }},
		{Name: "events", Make: func() *cobra.Command { return newEventsCommand(a, printEvents) }},
		{Name: "info", Make: func() *cobra.Command { return newInfoCommand(a, printInfo) }},
		{Name: "version", Make: func() *cobra.Command { return newVersionCommand(a, printVersion) }},
		{Name: "completion", Make: func() *cobra.Command { return newCompletionCommand(a) }},
	}
}

// SystemVerbs are rc system VERB.
func SystemVerbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "events", Make: func() *cobra.Command { return newEventsCommand(a, printEvents) }},
		{Name: "info", Make: func() *cobra.Command { return newInfoCommand(a, printInfo) }},
	}
}
