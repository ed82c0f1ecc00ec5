package cli

import (
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/image"
)

// CompleteFormat offers the fields of --format's row, and those of a field that is being
// typed; of a template with several, those of the last.
func CompleteFormat(cmd *cobra.Command, row any) {
	Must(cmd.RegisterFlagCompletionFunc("format", func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		words := []string{"json"}
		open := max(strings.LastIndex(word, "{{"), 0)
		before, typed := word[:open], strings.TrimPrefix(word[open:], "{{")
		space := ""
		if strings.HasPrefix(typed, " ") {
			space = " "
		}
		for _, path := range fieldPaths(reflect.TypeOf(row), strings.TrimSpace(typed)) {
			words = append(words, before+"{{"+space+path+space+"}}")
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}))
}

// fieldPaths are the fields of t as a template writes them, and below the one that typed
// begins with, its own.
func fieldPaths(t reflect.Type, typed string) []string {
	var paths []string
	for _, field := range format.Fields(t) {
		paths = append(paths, field)
		inner := strings.TrimPrefix(field, ".")
		if t.Kind() != reflect.Struct || !strings.HasPrefix(typed, field+".") {
			continue
		}
		if f, ok := t.FieldByName(inner); ok && f.Type.Kind() == reflect.Struct {
			for _, path := range fieldPaths(f.Type, strings.TrimPrefix(typed, field)) {
				paths = append(paths, field+path)
			}
		}
	}
	return paths
}

// CompleteKeys offers KEY= for keys of a flag such as --filter; values, which may be nil,
// gives those of one key.
func CompleteKeys(keys []string, values func(key string) []string) Completion {
	return func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		var words []string
		key, _, typed := strings.Cut(word, "=")
		if !typed || values == nil {
			for _, k := range keys {
				words = append(words, k+"=")
			}
			return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		for _, value := range values(key) {
			words = append(words, key+"="+value)
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// Platforms are those that --platform offers.
func Platforms() []string {
	return []string{"linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le", "linux/riscv64", "linux/s390x"}
}

// CompleteChanges offers the instructions of --change.
func CompleteChanges() Completion {
	var words []string
	for _, instruction := range image.ChangeInstructions() {
		words = append(words, instruction+"=")
	}
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)
}

// CompleteFiles leaves a word to the shell, which knows tildes, variables and quotes.
func CompleteFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}
