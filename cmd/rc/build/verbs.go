package build

import (
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
)

// Verb is rc build.
func Verb(a *cli.App) cli.Verb {
	return cli.Verb{Name: "build", Make: func() *cobra.Command { return newBuildCommand(a, buildImage) }}
}

// BuilderVerbs are those of rc builder, and of rc buildx.
func BuilderVerbs(a *cli.App) []cli.Verb {
	return []cli.Verb{Verb(a)}
}
