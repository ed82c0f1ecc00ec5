package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/complete"
)

// TestEverythingCompletes walks through all verbs: a shell must be offered something for every
// argument and for the value of every flag, or it must be said that there is nothing to offer.
func TestEverythingCompletes(t *testing.T) {
	flags := map[string]bool{}
	visit(newRootCommand(&cli.App{}, nil), func(cmd *cobra.Command) {
		if cmd.Hidden && cmd.HasParent() || cmd.Name() == "help" {
			return
		}
		if cmd.HasParent() && cmd.Runnable() && !cmd.HasSubCommands() && cmd.ValidArgsFunction == nil {
			t.Errorf(`%s: its arguments have no completion. Set ValidArgsFunction, to
	cobra.NoFileCompletions             where it takes none, or new names
	cli.CompleteContainers(a, N, FIT)   containers in a state that fits; N of them, 0 for any number
	cli.CompleteImages, CompleteVolumes, CompleteNetworks, CompleteSecrets, CompleteFiles`, cmd.CommandPath())
		}
		visitFlags(cmd, func(flag *pflag.Flag) {
			flags[flag.Name] = true
			_, ok := cmd.GetFlagCompletionFunc(flag.Name)
			marked := flag.Annotations[cobra.BashCompFilenameExt] != nil || flag.Annotations[cobra.BashCompSubdirsInDir] != nil
			if complete.TakesValue(flag) && !flag.Hidden && !ok && !marked {
				t.Errorf(`%s --%s: its values have no completion.
	Where the flag means the same in every verb, add its name to byName in cmd/rc/complete/flags.go
	(files and directories have lists there), or to FreeText where nobody can know the values;
	where it is this verb's own, call cmd.RegisterFlagCompletionFunc beside its declaration.`, cmd.CommandPath(), flag.Name)
			}
		})
	})
	for _, name := range complete.FreeText() {
		if !flags[name] {
			t.Errorf("no verb has --%s, which is in FreeText", name)
		}
	}
}

func visitFlags(cmd *cobra.Command, f func(*pflag.Flag)) {
	cmd.PersistentFlags().VisitAll(f)
	cmd.LocalNonPersistentFlags().VisitAll(f)
}

// TestEveryFlagOffers holds that what a flag offers begins with what was typed, or leaves the word to
// the shell, for each of them and for beginnings of all kinds.
func TestEveryFlagOffers(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	visit(newRootCommand(&cli.App{}, nil), func(cmd *cobra.Command) {
		visitFlags(cmd, func(flag *pflag.Flag) {
			f, ok := cmd.GetFlagCompletionFunc(flag.Name)
			if !ok {
				return
			}
			cmd.SetContext(t.Context())
			for _, word := range []string{"", "x", "a=", "a:", "a:b:", "type=bind,", "type=volume,src=", "/", "{{", "{{.A", ":", "=", ",", "a,b=c,"} {
				words, directive := f(cmd, nil, word)
				if directive&cobra.ShellCompDirectiveError != 0 {
					t.Errorf("%s --%s %q: error", cmd.CommandPath(), flag.Name, word)
				}
				for _, w := range words {
					if text, _, _ := strings.Cut(w, "\t"); text == "" || strings.ContainsAny(w, "\n") {
						t.Errorf("%s --%s %q: offers %q", cmd.CommandPath(), flag.Name, word, w)
					}
				}
				if sorted := slices.Sorted(slices.Values(words)); len(slices.Compact(sorted)) != len(words) {
					t.Errorf("%s --%s %q: offers something twice: %q", cmd.CommandPath(), flag.Name, word, words)
				}
			}
		})
	})
}
