package manifest

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/lists"
)

// Verbs are rc manifest VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "add", Make: func() *cobra.Command { return newAddCommand(a, add) }},
		{Name: "annotate", Make: func() *cobra.Command { return newAnnotateCommand(a, annotate) }},
		{Name: "create", Make: func() *cobra.Command { return newCreateCommand(a, create) }},
		{Name: "exists", Make: func() *cobra.Command { return newExistsCommand(a) }},
		{Name: "inspect", Make: func() *cobra.Command { return newInspectCommand(a, inspect) }},
		{Name: "push", Make: func() *cobra.Command { return newPushCommand(a, push) }},
		{Name: "remove", Make: func() *cobra.Command { return newRemoveCommand(a, remove) }},
		{Name: "rm", Make: func() *cobra.Command { return newRmCommand(a, rm) }},
	}
}

// newExistsCommand is rc manifest exists.
func newExistsCommand(a *cli.App) *cobra.Command {
	return cli.Exists("a", "manifest list", "rc manifest exists app && rc manifest rm app", complete(a, 1, nil), func(_ context.Context, name string) error {
		_, err := lists.Read(a.Config, name)
		return err
	})
}

// complete offers lists first; then images, or the digests in the list.
func complete(a *cli.App, limit int, rest func(list string) []string) cli.Completion {
	return func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if limit > 0 && len(args) >= limit || a.Load() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if len(args) > 0 && rest != nil {
			return rest(args[0]), cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, name := range lists.Names(a.Config) {
			short := strings.TrimPrefix(name, "localhost/")
			if strings.HasPrefix(name, word) && word != "" {
				short = name
			}
			names = append(names, short)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// instances offers what is in a list.
func instances(a *cli.App) func(string) []string {
	return func(name string) []string {
		l, err := lists.Read(a.Config, name)
		if err != nil {
			return nil
		}
		var digests []string
		for _, i := range l.Instances {
			digests = append(digests, i.Digest)
		}
		return digests
	}
}

// images offers those that are here.
func images(a *cli.App) func(string) []string {
	return func(string) []string { return cli.ImageNames(a, "") }
}

// annotations reads KEY=VALUE.
func annotations(values []string) (map[string]string, error) {
	out := map[string]string{}
	for _, v := range values {
		key, value, ok := strings.Cut(v, "=")
		if !ok || key == "" {
			return nil, errs.Invalidf("--annotation %q: want KEY=VALUE", v)
		}
		out[key] = value
	}
	return out, nil
}
