package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// PrintHelp prints podman's headings: description, usage, examples, commands, options.
func PrintHelp(cmd *cobra.Command, _ []string) {
	out := cmd.OutOrStdout()
	fmt.Fprintln(out, cmd.Short)
	if long := strings.TrimSpace(cmd.Long); long != "" {
		fmt.Fprintf(out, "\nDescription:\n%s\n", indent(long))
	}
	writeUsage(out, cmd)
}

// PrintUsage prints the same without the description.
func PrintUsage(cmd *cobra.Command) error {
	writeUsage(cmd.OutOrStderr(), cmd)
	return nil
}

func writeUsage(out io.Writer, cmd *cobra.Command) {
	use := cmd.UseLine()
	if cmd.HasParent() && cmd.HasAvailableSubCommands() {
		use = cmd.CommandPath() + " [command]"
	}
	fmt.Fprintf(out, "\nUsage:\n  %s\n", strings.TrimSuffix(use, " [flags]"))
	if len(cmd.Aliases) > 0 {
		fmt.Fprintf(out, "\nAliases:\n  %s\n", cmd.NameAndAliases())
	}
	if cmd.HasExample() {
		fmt.Fprintf(out, "\nExamples:\n%s\n", indent(strings.TrimSpace(cmd.Example)))
	}
	writeCommands(out, cmd)
	if cmd.HasAvailableLocalFlags() {
		fmt.Fprintf(out, "\nOptions:\n%s", cmd.LocalFlags().FlagUsagesWrapped(width(out)))
	}
	if cmd.HasParent() {
		fmt.Fprintf(out, "\nGlobal options: see %s --help\n", cmd.Root().Name())
	}
}

func writeCommands(out io.Writer, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	fmt.Fprintf(out, "\nAvailable Commands:\n")
	commands := slices.Clone(cmd.Commands())
	slices.SortFunc(commands, func(a, b *cobra.Command) int { return cmp.Compare(a.Name(), b.Name()) })
	for _, sub := range commands {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			fmt.Fprintf(out, "  %-*s %s\n", cmd.NamePadding(), sub.Name(), sub.Short)
		}
	}
}

func indent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}

// width is the terminal's, 0 (no wrapping) elsewhere.
func width(out io.Writer) int {
	file, ok := out.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil || columns < 60 {
		return 0
	}
	return columns
}
