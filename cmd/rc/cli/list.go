package cli

import (
	"strings"

	"github.com/spf13/pflag"
)

// listValue is a flag that can be given more than once. pflag's own kinds print their
// default through a CSV writer when they are declared: 4 KB for each of run's forty.
type listValue struct {
	to *[]string
	// split says that one value can hold several, with commas between them.
	split bool
}

func (l listValue) String() string {
	if l.to == nil || len(*l.to) == 0 {
		return ""
	}
	return "[" + strings.Join(*l.to, ",") + "]"
}

func (l listValue) Set(value string) error {
	if l.split {
		*l.to = append(*l.to, strings.Split(value, ",")...)
		return nil
	}
	*l.to = append(*l.to, value)
	return nil
}

// Type is pflag's word, by which completion knows that the flag can be given again.
func (l listValue) Type() string {
	if l.split {
		return "stringSlice"
	}
	return "stringArray"
}

// ListVar declares a flag whose values are taken as they are.
func ListVar(flags *pflag.FlagSet, to *[]string, name, short, usage string) {
	flags.VarP(listValue{to, false}, name, short, usage)
}

// WordsVar declares a flag whose values are split at commas.
func WordsVar(flags *pflag.FlagSet, to *[]string, name, short, usage string) {
	flags.VarP(listValue{to, true}, name, short, usage)
}
