package container

import (
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
)

// Verbs are rc VERB and rc container VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "attach", Make: func() *cobra.Command { return newAttachCommand(a, attachContainer) }},
		{Name: "exec", Make: func() *cobra.Command { return newExecCommand(a, execContainer) }},
		{Name: "start", Make: func() *cobra.Command { return newStartCommand(a, startContainers) }},
		{Name: "run", Make: func() *cobra.Command { return newRunCommand(a, runContainer) }},
		{Name: "create", Make: func() *cobra.Command { return newCreateCommand(a, createContainer) }},
		{Name: "ps", Make: func() *cobra.Command { return newPsCommand(a, printContainers) }},
		{Name: "rm", Make: func() *cobra.Command { return newRmCommand(a, removeContainers) }},
	}
}
