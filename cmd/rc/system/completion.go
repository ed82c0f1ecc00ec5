package system

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/completions"
	"github.com/rc-containers/rc/pkg/errs"
)

type completionOptions struct {
	Shell, File    string
	NoDescriptions bool
}

func newCompletionCommand(a *cli.App) *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	opts := &completionOptions{}
	cmd := &cobra.Command{
		Use:   "completion [options] bash|zsh|fish",
		Short: "Print the completion script of a shell",
		Long: `Prints a script that makes a shell complete rc's commands, flags and their values, and
the names of containers, images, volumes, networks and secrets as they are at that moment.

make install and the packages put the scripts where the shells look. zsh looks below your home
directory only where ~/.zshrc says so, before it calls compinit:
fpath=(~/.local/share/zsh/site-functions $fpath)

For bash, a name such as docker that is an alias of rc needs a line in ~/.bashrc:
complete -o default -F __start_rc docker`,
		Example: `source <(rc completion bash)
rc completion bash > ~/.local/share/bash-completion/completions/rc
rc completion zsh > "${fpath[1]}/_rc"
rc completion fish --file ~/.config/fish/completions/rc.fish`,
		Annotations:       map[string]string{cli.NoConfig: ""},
		ValidArgsFunction: cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errs.WithHint(errs.Invalidf("completion: want the name of one shell, %s", strings.Join(shells, ", ")),
					"rc completion bash")
			}
			if !slices.Contains(shells, args[0]) {
				return errs.WithHint(errs.Invalidf("completion: shell %q: want %s", args[0], strings.Join(shells, ", ")),
					"rc completion bash")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			opts.Shell = args[0]
			return printCompletion(a, opts)
		},
	}
	cmd.Flags().StringVarP(&opts.File, "file", "f", "", "Write the script to a file")
	cmd.Flags().BoolVar(&opts.NoDescriptions, "no-desc", false, "Leave descriptions out")
	return cmd
}

func printCompletion(a *cli.App, opts *completionOptions) error {
	text := completions.Script(opts.Shell)
	if opts.NoDescriptions {
		text = strings.Replace(text, cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd, 1)
	}
	if opts.File == "" {
		_, err := fmt.Fprint(a.Stdout, text)
		return err
	}
	if err := os.WriteFile(opts.File, []byte(text), 0o644); err != nil {
		return fmt.Errorf("completion: --file %w", err)
	}
	return nil
}
