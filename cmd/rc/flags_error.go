package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// usageError is a command line that cannot be used; its text says all.
type usageError string

func (e usageError) Error() string { return string(e) }

// Is makes it one of errs' kinds.
func (usageError) Is(target error) bool { return target == errs.ErrInvalid }

// usage makes a usageError.
func usage(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// flagError words what pflag says about a command line in rc's way.
func flagError(cmd *cobra.Command, err error) error {
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
			return errs.WithHint(usage("unknown flag -%s in -%s", name, unknown.GetSpecifiedShortnames()), help)
		}
		if near := spec.Nearest(name, flagNames(cmd)); near != "" {
			return errs.WithHint(usage("unknown flag --%s; did you mean --%s?", name, near), help)
		}
		return errs.WithHint(usage("unknown flag --%s", name), help)
	case errors.As(err, &missing):
		if missing.GetSpecifiedShortnames() != "" {
			return errs.WithHint(usage("-%s: it needs a value", missing.GetSpecifiedName()), help)
		}
		return errs.WithHint(usage("--%s: it needs a value", missing.GetSpecifiedName()), help)
	case errors.As(err, &value):
		name := "--" + value.GetFlag().Name
		if errors.Is(err, errNotYet) {
			return fmt.Errorf("%s: %w yet", name, errs.ErrUnsupported)
		}
		return errs.WithHint(usage("%s %q: want %s", name, value.GetValue(), wanted(value.GetFlag().Value.Type())), help)
	}
	return errs.WithHint(err, help)
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

// errNotYet is the cause of a notYet flag's error.
var errNotYet = errors.New("not supported yet")

// notYet is a flag that docker and podman have and rc is going to have: giving it is an
// error that says so, unlike a flag that nobody knows.
type notYet struct{ kind string }

func (notYet) String() string   { return "" }
func (notYet) Set(string) error { return errNotYet }
func (n notYet) Type() string   { return n.kind }

// addNotYet declares such a flag. A switch takes no value.
func addNotYet(flags *pflag.FlagSet, name, short string, isSwitch bool) {
	kind := "string"
	if isSwitch {
		kind = "bool"
	}
	flag := flags.VarPF(notYet{kind}, name, short, "Not supported yet")
	flag.Hidden = true
	if isSwitch {
		flag.NoOptDefVal = "true"
	}
}
