package dockerfile

import (
	"regexp"
	"strings"
)

// What BuildKit's parser has around its messages: a number of a line, and a suggestion that is another one each time
// where two are as near.
var (
	parsePrefix = regexp.MustCompile(`^dockerfile parse error on line \d+: `)
	suggestion  = regexp.MustCompile(` \(did you mean [^()]*\?\)$`)
)

// closed are the words that are taken where BuildKit's parser does not take one.
var closed = []struct {
	message *regexp.Regexp
	words   []string
	few     bool // they can all be named
}{
	{regexp.MustCompile(`^unknown instruction: (\S+)$`), instructionNames, false},
	{regexp.MustCompile(`^invalid network mode "(.*)"$`), []string{"default", "none", "host"}, true},
	{regexp.MustCompile(`^security "(.*)" is not valid$`), []string{"sandbox", "insecure"}, true},
	{regexp.MustCompile(`^unsupported mount type "(.*)"$`), []string{"bind", "cache", "tmpfs", "secret", "ssh"}, true},
	{regexp.MustCompile(`^unsupported sharing value "(.*)"$`), []string{"shared", "private", "locked"}, true},
	{regexp.MustCompile(`^(?:unexpected key|invalid field) '([^']*)'`), []string{
		"type", "from", "source", "src", "target", "dst", "destination", "readonly", "ro", "readwrite", "rw", "id",
		"sharing", "required", "size", "mode", "uid", "gid", "env",
	}, false},
}

var instructionNames = []string{
	"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "RUN",
	"SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}

// flags are those of each instruction that has any.
var flags = map[string][]string{
	"ADD":         {"--chown", "--chmod", "--link", "--keep-git-dir", "--checksum", "--unpack", "--exclude"},
	"COPY":        {"--chown", "--chmod", "--link", "--parents", "--exclude", "--from"},
	"FROM":        {"--platform"},
	"HEALTHCHECK": {"--interval", "--timeout", "--start-period", "--start-interval", "--retries"},
	"RUN":         {"--mount", "--network", "--security", "--device"},
}

var unknownFlag = regexp.MustCompile(`^unknown flag: (--\S*)$`)

// reworded is an error with another text.
type reworded struct {
	error
	text string
}

func (r *reworded) Error() string { return r.text }
func (r *reworded) Unwrap() error { return r.error }

// reword makes messages of BuildKit's parser about a line end with what would be accepted.
func reword(err error, line string) error {
	text := err.Error()
	plain := suggestion.ReplaceAllString(parsePrefix.ReplaceAllString(text, ""), "")
	out := parsePrefix.ReplaceAllString(text, "")
	for _, c := range closed {
		m := c.message.FindStringSubmatch(plain)
		if m == nil {
			continue
		}
		near := meant(strings.ToUpper(m[1]), c.words)
		if near == "" {
			near = meant(strings.ToLower(m[1]), c.words)
		} else if m[1] == strings.ToLower(m[1]) {
			near = strings.ToLower(near)
		}
		if out = plain + near; near == "" && c.few {
			out += ": want " + strings.Join(c.words, ", ")
		}
	}
	if m := unknownFlag.FindStringSubmatch(plain); m != nil {
		out = plain + meant(m[1], flagsOf(line))
	}
	// Lex reads the end of the text as a rune that is none.
	out = strings.Replace(out, "unsupported modifier (\ufffd) in substitution", "missing '}'", 1)
	if out == text {
		return err
	}
	return &reworded{err, out}
}

// flagsOf are those of the instruction that a line begins with.
func flagsOf(line string) []string {
	words := strings.Fields(strings.ToUpper(line))
	if len(words) > 1 && words[0] == "ONBUILD" {
		words = words[1:]
	}
	if len(words) == 0 {
		return nil
	}
	return flags[words[0]]
}
