package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// NoConfig marks verbs that need no configuration: they work where the rest cannot.
const NoConfig = "rc:no-config"

// Verb is a command that is not made yet. A tree of all of them has a thousand flags, which
// cost more than a container's start.
type Verb struct {
	Name string
	Make func() *cobra.Command
	// Serial says that the verb does one thing after the other, so that a second processor would only
	// take what it costs to start threads there and to fill its caches.
	Serial bool
}

// FindVerb is the verb that word names. Help, completions and mistakes name none.
func FindVerb(verbs []Verb, word string) (Verb, bool) {
	i := slices.IndexFunc(verbs, func(v Verb) bool { return v.Name == word })
	if i < 0 {
		return Verb{}, false
	}
	return verbs[i], true
}

// Noun groups verbs: rc container ps is rc ps. Names that would say the noun twice are
// docker's and podman's short ones: rc image ls, rc image rm.
func Noun(name, short string, verbs []Verb) Verb {
	return Verb{Name: name, Make: func() *cobra.Command { return makeNoun(name, short, verbs) }}
}

func makeNoun(name, short string, verbs []Verb) *cobra.Command {
	noun := &cobra.Command{
		Use: name, Short: short, Long: short + ".",
		Example:     "rc " + name + " --help",
		Annotations: map[string]string{NoConfig: ""},
		RunE:        MissingCommand,
	}
	for _, v := range verbs {
		cmd := v.Make()
		switch v.Name {
		case "images", "ps":
			cmd.Use = "ls" + strings.TrimPrefix(cmd.Use, v.Name)
			cmd.Aliases = append(cmd.Aliases, "list", v.Name)
		case "rmi":
			cmd.Use = "rm" + strings.TrimPrefix(cmd.Use, v.Name)
			cmd.Aliases = append(cmd.Aliases, v.Name, "remove")
		}
		cmd.Example = strings.ReplaceAll(cmd.Example, "rc "+v.Name, "rc "+name+" "+cmd.Name())
		noun.AddCommand(cmd)
	}
	return noun
}

// MissingCommand is what rc, or a noun, does without a verb, or with an unknown one.
func MissingCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return UnknownCommand(cmd, args[0])
	}
	if err := cmd.Help(); err != nil {
		return err
	}
	return errs.WithHint(errs.Invalidf("%s: command is missing", cmd.CommandPath()), cmd.CommandPath()+" --help")
}

// UnknownCommand says what may have been meant.
func UnknownCommand(cmd *cobra.Command, word string) error {
	if l, lacks := lacksVerb(strings.TrimPrefix(cmd.CommandPath()+" "+word, cmd.Root().Name()+" ")); lacks {
		return l.error(cmd.CommandPath() + " " + word)
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(append(names, sub.Name()), sub.Aliases...)
		}
	}
	if near := spec.Nearest(word, names); near != "" {
		return errs.WithHint(errs.Invalidf("unknown command %q for %q; did you mean %q?", word, cmd.CommandPath(), near),
			cmd.CommandPath()+" "+near+" --help")
	}
	return errs.WithHint(errs.Invalidf("unknown command %q for %q", word, cmd.CommandPath()), cmd.CommandPath()+" --help")
}
