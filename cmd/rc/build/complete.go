package build

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// completeStages offers the stages of the Dockerfile that the command line names.
func (f *buildFlags) completeStages(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	f.instructions(func(words []string) {
		if n := len(words); n >= 4 && strings.EqualFold(words[0], "FROM") && strings.EqualFold(words[n-2], "AS") {
			names = append(names, words[n-1])
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeArgs offers its build arguments.
func (f *buildFlags) completeArgs(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	seen := map[string]bool{}
	f.instructions(func(words []string) {
		if !strings.EqualFold(words[0], "ARG") {
			return
		}
		for _, word := range words[1:] {
			name, _, _ := strings.Cut(word, "=")
			if !seen[name] {
				seen[name] = true
				names = append(names, name+"=")
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// instructions goes through the lines of the Dockerfile, as far as a completion has to understand them.
func (f *buildFlags) instructions(do func(words []string)) {
	tries := dockerfiles()
	if len(f.files) > 0 {
		tries = f.files
	}
	for _, path := range tries {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if words := strings.Fields(line); len(words) > 0 {
				do(words)
			}
		}
		return
	}
}
