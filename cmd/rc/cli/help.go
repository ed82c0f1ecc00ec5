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

// commonest are the verbs that a list of all of them begins with.
func commonest() []string {
	return []string{"run", "exec", "ps", "build", "pull", "push", "images", "start", "stop", "rm", "logs", "cp", "inspect", "login", "search"}
}

func writeCommands(out io.Writer, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	fmt.Fprintf(out, "\nAvailable Commands:\n")
	var common, others []*cobra.Command
	for _, sub := range cmd.Commands() {
		switch {
		case !sub.IsAvailableCommand() && sub.Name() != "help":
		case !cmd.HasParent() && slices.Contains(commonest(), sub.Name()):
			common = append(common, sub)
		default:
			others = append(others, sub)
		}
	}
	slices.SortFunc(common, func(a, b *cobra.Command) int {
		return slices.Index(commonest(), a.Name()) - slices.Index(commonest(), b.Name())
	})
	slices.SortFunc(others, func(a, b *cobra.Command) int { return cmp.Compare(a.Name(), b.Name()) })
	write := func(list []*cobra.Command) {
		for _, sub := range list {
			fmt.Fprintf(out, "  %-*s %s\n", cmd.NamePadding(), sub.Name(), sub.Short)
		}
	}
	write(common)
	if len(common) > 0 {
		fmt.Fprintln(out)
	}
	write(others)
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
