package build

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
)

// Verb is rc build.
func Verb(a *cli.App) cli.Verb {
	return cli.Verb{Name: "build", Make: func() *cobra.Command { return newBuildCommand(a, buildImage) }}
}

// BuilderVerbs are those of rc builder; noun is that, or docker's newer name for it.
func BuilderVerbs(a *cli.App, noun string) []cli.Verb {
	named := func(cmd *cobra.Command) *cobra.Command {
		cmd.Example = strings.ReplaceAll(cmd.Example, "rc builder", "rc "+noun)
		return cmd
	}
	return []cli.Verb{
		Verb(a),
		{Name: "du", Make: func() *cobra.Command { return named(newDuCommand(a, diskUsage)) }},
		{Name: "prune", Make: func() *cobra.Command { return named(newPruneCommand(a, prune)) }},
	}
}
