package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// FlagError words what pflag says about a command line in rc's way.
func FlagError(cmd *cobra.Command, err error) error {
	help := cmd.CommandPath() + " --help"
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		value   *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return errs.WithHint(errs.Invalidf("unknown flag -%s in -%s", name, unknown.GetSpecifiedShortnames()), help)
		}
		if l, lacks := LacksFlag(cmd, name); lacks {
			return l.error("--" + name)
		}
		if near := spec.Nearest(name, flagNames(cmd)); near != "" {
			return errs.WithHint(errs.Invalidf("unknown flag --%s; did you mean --%s?", name, near), help)
		}
		return errs.WithHint(errs.Invalidf("unknown flag --%s", name), help)
	case errors.As(err, &missing):
		if missing.GetSpecifiedShortnames() != "" {
			return errs.WithHint(errs.Invalidf("-%s: it needs a value", missing.GetSpecifiedName()), help)
		}
		return errs.WithHint(errs.Invalidf("--%s: it needs a value", missing.GetSpecifiedName()), help)
	case errors.As(err, &value):
		name := "--" + value.GetFlag().Name
		if _, is := value.GetFlag().Value.(refused); is {
			return value.Unwrap()
		}
		return errs.WithHint(errs.Invalidf("%s %q: want %s", name, value.GetValue(), wanted(value.GetFlag().Value.Type())), help)
	}
	return errs.WithHint(err, help)
}

// Report prints an error and its hint, and gives the exit code.
func Report(w io.Writer, err error) int {
	var exit errs.Exit
	if err == nil || errors.As(err, &exit) {
		return errs.Code(err)
	}
	text := err.Error()
	if errors.Is(err, context.Canceled) { // by a signal: nothing else ends main's context
		text = strings.ReplaceAll(text, context.Canceled.Error(), "interrupted")
	}
	for line := range strings.SplitSeq(text, "\n") { // what errors.Join has joined
		fmt.Fprintln(w, "Error:", line)
	}
	if hint := errs.Hint(err); hint != "" {
		fmt.Fprintln(w, "Hint:", hint)
	}
	return errs.Code(err)
}

// Last prints all errors but one, which it returns with the worst of the codes.
func Last(a *App, failed []error, code func(error) int) error {
	if len(failed) == 0 {
		return nil
	}
	worst := 0
	for i, err := range failed {
		worst = max(worst, code(err))
		if i < len(failed)-1 {
			Report(a.Stderr, err)
		}
	}
	return errs.WithCode(failed[len(failed)-1], worst)
}

// Warn tells of what is no failure of the verb.
func (a *App) Warn(err error) {
	if err != nil {
		fmt.Fprintln(a.Stderr, "Warning:", err)
	}
}

// RemovalCode is the exit code of network rm and volume rm, as podman's pages have them: 1 for what
// was not there, 2 for what is in use.
func RemovalCode(err error) int {
	switch {
	case errors.Is(err, errs.ErrNotFound):
		return 1
	case errors.Is(err, errs.ErrInUse):
		return 2
	}
	return errs.CodeError
}

// wanted describes the values of one of pflag's types.
func wanted(kind string) string {
	switch {
	case kind == "bool":
		return "true or false"
	case strings.HasPrefix(kind, "uint"):
		return "a number of 0 or more"
	case strings.HasPrefix(kind, "int"):
		return "a number"
	default:
		return "another value"
	}
}

// flagNames are the flags that cmd shows.
func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, flag.Name)
		}
	})
	return names
}
