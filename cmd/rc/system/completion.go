package system

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
)

func newCompletionCommand(a *cli.App) *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	var noDescriptions bool
	cmd := &cobra.Command{
		Use:   "completion [options] bash|zsh|fish",
		Short: "Print the completion script of a shell",
		Long: `Prints a script that makes a shell complete rc's commands, flags and the names of
containers and images as they are at that moment.`,
		Example: `source <(rc completion bash)
rc completion bash > ~/.local/share/bash-completion/completions/rc
rc completion zsh > "${fpath[1]}/_rc"
rc completion fish > ~/.config/fish/completions/rc.fish`,
		Annotations:       map[string]string{cli.NoConfig: ""},
		ValidArgsFunction: cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errs.WithHint(errs.Invalidf("completion: want the name of one shell, %s", strings.Join(shells, ", ")),
					"rc completion bash")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.Stdout, !noDescriptions)
			case "zsh":
				if noDescriptions {
					return root.GenZshCompletionNoDesc(a.Stdout)
				}
				return root.GenZshCompletion(a.Stdout)
			case "fish":
				return root.GenFishCompletion(a.Stdout, !noDescriptions)
			}
			return errs.WithHint(errs.Invalidf("completion: shell %q: want %s", args[0], strings.Join(shells, ", ")),
				"rc completion bash")
		},
	}
	cmd.Flags().BoolVar(&noDescriptions, "no-desc", false, "Leave descriptions out")
	return cmd
}
