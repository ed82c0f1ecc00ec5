package cli

import (
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/errs"
)

// NoArguments refuses arguments with the word that was one too many.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return seeHelp(cmd, "%s: it takes no argument, and got %q", cmd.CommandPath(), args[0])
}

// AtLeast refuses too few arguments, and says what is missing.
func AtLeast(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= n {
			return nil
		}
		return seeHelp(cmd, "%s: %s is missing", cmd.CommandPath(), what)
	}
}

// Between is AtLeast, and refuses too many.
func Between(low, high int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := AtLeast(low, what)(cmd, args); err != nil {
			return err
		}
		if len(args) > high {
			return seeHelp(cmd, "%s: it takes %d arguments at most, and got %q", cmd.CommandPath(), high, args[high])
		}
		return nil
	}
}

// NamesOr wants names, or --all, and not both. What is one of those that are named: "a volume".
func NamesOr(all *bool, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case *all && len(args) > 0:
			return seeHelp(cmd, "%s: names together with --all", cmd.CommandPath())
		case !*all && len(args) == 0:
			return seeHelp(cmd, "%s: name %s, or --all", cmd.CommandPath(), what)
		}
		return nil
	}
}

func seeHelp(cmd *cobra.Command, format string, args ...any) error {
	return errs.WithHint(errs.Invalidf(format, args...), cmd.CommandPath()+" --help")
}

// Must is for what can only fail by a mistake in the program, such as a flag's name.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}
