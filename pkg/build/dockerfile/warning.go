package dockerfile

import (
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Warning is what BuildKit's linter says of a Dockerfile that can be built.
type Warning struct {
	Rule string // its name, as "# check=skip=" has it
	Text string
	URL  string
	Line int
}

// String is the warning on one line, as docker prints it.
func (w Warning) String() string { return linter.LintFormatShort(w.Rule, w.Text, w.Line) }

// linter is one that adds to warnings.
func (f *File) linter(config linter.Config, warnings *[]Warning) *linter.Linter {
	config.Warn = func(rule, _, url, text string, location []parser.Range) {
		*warnings = append(*warnings, Warning{Rule: rule, Text: text, URL: url, Line: lines(location)[0]})
	}
	return linter.New(&config)
}

// violations is the error that "# check=error=true" makes of warnings.
func (f *File) violations(config linter.Config, warnings []Warning) error {
	if !config.ReturnAsError || len(warnings) == 0 {
		return nil
	}
	w := warnings[0]
	return f.at(fmt.Errorf("%s: %s (the check directive makes this an error)", w.Rule, w.Text), [2]int{w.Line, w.Line})
}

// lintStages warns of what needs no more than the text.
func (f *File) lintStages(lint *linter.Linter) {
	seen := map[string]bool{}
	for _, s := range f.stages {
		if s.Name == "scratch" || s.Name == "context" {
			lint.Run(&linter.RuleReservedStageName, s.Location, linter.RuleReservedStageName.Format(s.Name))
		}
		if s.Name != "" && seen[s.Name] {
			lint.Run(&linter.RuleDuplicateStageName, s.Location, linter.RuleDuplicateStageName.Format(s.Name))
		}
		seen[s.Name] = true
	}
	f.lintCase(lint)
}

// lintCase warns of instructions that are not in the case of most others.
func (f *File) lintCase(lint *linter.Linter) {
	type word struct {
		text     string
		location []parser.Range
	}
	var words []word
	for _, s := range f.stages {
		words = append(words, word{s.OrigCmd, s.Location})
		for _, c := range s.Commands {
			words = append(words, word{c.Name(), c.Location()})
		}
	}
	lower, upper := 0, 0
	for _, w := range words {
		switch w.text {
		case strings.ToLower(w.text):
			lower++
		case strings.ToUpper(w.text):
			upper++
		}
	}
	right, want := strings.ToUpper, "uppercase"
	if lower > upper {
		right, want = strings.ToLower, "lowercase"
	}
	for _, w := range words {
		if right(w.text) != w.text {
			lint.Run(&linter.RuleConsistentInstructionCasing, w.location, linter.RuleConsistentInstructionCasing.Format(w.text, want))
		}
	}
}
