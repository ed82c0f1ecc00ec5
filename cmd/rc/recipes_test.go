package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rc-containers/rc/cmd/rc/cli"
)

// TestRecipes holds that the commands of contrib/recipes are ones that rc has: verbs and flags exist. What they do
// is tested where those are.
func TestRecipes(t *testing.T) {
	files, err := filepath.Glob("../../contrib/recipes/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	found := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range commands(blocks(string(data))) {
			if slices.Contains(words, "$@") {
				continue // a function of the shell's
			}
			found++
			root := newRootCommand(&cli.App{}, nil)
			cmd, rest, err := root.Find(words)
			if err != nil || cmd == root && !strings.HasPrefix(words[0], "-") {
				t.Errorf("%s: rc %s: no such verb (%v)", file, strings.Join(words, " "), err)
				continue
			}
			if err := cmd.ParseFlags(rest); err != nil && !strings.Contains(err.Error(), "help requested") {
				t.Errorf("%s: rc %s: %v", file, strings.Join(words, " "), err)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d commands were found", found)
	}
}

// fenced are blocks for a shell.
var fenced = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

func blocks(text string) string {
	var b strings.Builder
	for _, m := range fenced.FindAllStringSubmatch(text, -1) {
		b.WriteString(m[1] + "\n")
	}
	return b.String()
}

// begins is what stands before a command of rc's in a line.
var begins = regexp.MustCompile(`(^|[;|&({]|command|sudo -u \w+)\s*rc `)

// commands are the words behind each rc. The shell's own words are not looked into.
func commands(text string) [][]string {
	var out [][]string
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		for _, at := range begins.FindAllStringIndex(line, -1) {
			if words := split(line[at[1]:]); len(words) > 0 {
				out = append(out, words)
			}
		}
	}
	return out
}

// split splits words as a shell does, up to the command's end.
func split(line string) []string {
	var words []string
	var word strings.Builder
	quote, inWord := rune(0), false
	end := func() {
		if inWord {
			words = append(words, word.String())
		}
		word.Reset()
		inWord = false
	}
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == ' ' || c == '\t' || c == '\n':
			end()
		case strings.ContainsRune("|;&<>#)", c) && !inWord, strings.ContainsRune("|;&)", c):
			end()
			return words
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	end()
	return words
}
