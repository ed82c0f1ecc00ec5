package container

import (
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
)

// completeRunArgs offers images first, and what is in them after.
func completeRunArgs(a *cli.App) cli.Completion {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if rootfs, _ := cmd.Flags().GetBool("rootfs"); rootfs && len(args) == 0 {
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
		if len(args) > 0 {
			return cli.CompleteCommand(cli.ImageLayers(a, args[0]), args[1:], word)
		}
		return cli.CompleteImages(a, 1)(cmd, args, word)
	}
}
