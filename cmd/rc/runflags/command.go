package runflags

import (
	"slices"

	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/pkg/errs"
)

// Command is a command line that made a container, taken apart.
type Command struct {
	Global []string // flags before the verb
	Flags  []Flag
	Args   []string // image and command
}

// Flag is one flag of run or create, by its long name.
type Flag struct{ Name, Value string }

// ParseCommand takes apart what CreateCommand has: rc [FLAG…] [container] run|create [FLAG…] IMAGE [ARG…].
func ParseCommand(argv []string) (*Command, error) {
	verb := slices.IndexFunc(argv, func(word string) bool { return word == "run" || word == "create" })
	if verb < 1 {
		return nil, errs.Invalidf("command %q: want rc run or rc create", argv)
	}
	c := &Command{Global: slices.DeleteFunc(slices.Clone(argv[1:verb]), func(word string) bool { return word == "container" })}
	f := &Flags{}
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	f.AddRun(flags)
	err := flags.ParseAll(argv[verb+1:], func(flag *pflag.Flag, value string) error {
		c.Flags = append(c.Flags, Flag{flag.Name, value})
		return nil
	})
	if c.Args = flags.Args(); err == nil && len(c.Args) == 0 {
		err = errs.Invalidf("command %q: image is missing", argv)
	}
	return c, err
}
