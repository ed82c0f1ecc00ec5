package listing

import (
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
)

// Verbs are rc VERB and rc container VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "ps", Make: func() *cobra.Command { return newPsCommand(a, printContainers) }},
		{Name: "port", Make: func() *cobra.Command { return newPortCommand(a, showPorts) }},
		{Name: "stats", Make: func() *cobra.Command { return newStatsCommand(a, showStats) }},
		{Name: "top", Make: func() *cobra.Command { return newTopCommand(a, showTop) }},
	}
}
