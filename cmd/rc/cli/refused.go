package cli

import (
	"slices"

	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/pkg/errs"
)

// Refusal is a flag of docker's or podman's that rc has not, and why: declared, because it has a short form, or values
// that are harmless. Others are Lacks.
type Refusal struct {
	Name, Why string
	// Short is its short form, "" for none.
	Short string
	// Hint is what to do instead, "" for nothing.
	Hint string
	// Harmless are values that ask for what is so anyway.
	Harmless []string
	Switch   bool
}

// refused is the flag's value: giving it is an error that says why.
type refused struct{ *Refusal }

func (r refused) String() string { return "" }

func (r refused) Type() string {
	if r.Refusal != nil && r.Switch {
		return "bool"
	}
	return "string"
}

func (r refused) Set(value string) error {
	if slices.Contains(r.Harmless, value) {
		return nil
	}
	return errs.WithHint(errs.Unsupportedf("--%s: %s", r.Name, r.Why), r.Hint)
}

// AddRefusals declares such flags.
func AddRefusals(flags *pflag.FlagSet, list []Refusal) {
	for i := range list {
		flag := flags.VarPF(refused{&list[i]}, list[i].Name, list[i].Short, "Refused: "+list[i].Why)
		flag.Hidden = true
		if list[i].Switch {
			flag.NoOptDefVal = "true"
		}
	}
}

// IsRefused tells flags that are there to say that rc has them not.
func IsRefused(flag *pflag.Flag) bool {
	_, is := flag.Value.(refused)
	return is
}
