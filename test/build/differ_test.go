package build

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// accepted are differences that every image may have: the fact, what rc has and what buildah has as regular
// expressions, and why rc's is right.
var accepted = []struct{ fact, ours, theirs, why string }{
	{"config (Attach.*|Hostname|Domainname|Image|OpenStdin|StdinOnce|Tty)", "", ".*", "fields of docker's containers, not of images"},
	{"config ArgsEscaped", "true", "", "BuildKit sets it with CMD; buildah does not know it"},
	{"file /etc/(hosts|resolv.conf|hostname)", "", "file 0755 0:0 0 bytes .*", "buildah leaves what it mounts these files on"},
}

// compare fails for each difference that nobody has accepted.
func (e *example) compare(t *testing.T, ours, theirs *picture) {
	t.Helper()
	used := map[string]bool{}
	facts := maps.Clone(ours.facts)
	maps.Copy(facts, theirs.facts)
	for _, fact := range slices.Sorted(maps.Keys(facts)) {
		a, b := ours.facts[fact], theirs.facts[fact]
		if a == b || isAccepted(fact, a, b) {
			continue
		}
		if what := e.differs(fact); what != "" {
			used[what] = true
			continue
		}
		t.Errorf("%s: %s:\n  rc      %s\n  buildah %s", e.name, fact, a, b)
	}
	if a, b := words(ours), words(theirs); a != b {
		if what := e.differs("history"); what != "" {
			used[what] = true
		} else {
			t.Errorf("%s: history:\n  rc      %s\n  buildah %s", e.name, a, b)
		}
	}
	for _, line := range e.lines("differs") {
		if !used[line] {
			t.Errorf("%s: accepted, but no difference: %s", e.name, line)
		}
	}
}

// nop is what buildah writes before the text of an instruction that runs nothing.
const nop = "/bin/sh -c #(nop) "

// words are the instructions of a history. ONBUILD has a line in buildah's alone.
func words(p *picture) string {
	var out []string
	for _, h := range p.history {
		text, ran := strings.CutPrefix(h.CreatedBy, nop)
		word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
		if !ran && word != strings.ToUpper(word) || strings.HasPrefix(word, "|") {
			word = "RUN" // buildah's has the command alone
		}
		if word = strings.ToUpper(word); word != "ONBUILD" { // BuildKit writes them so
			out = append(out, word)
		}
	}
	return strings.Join(out, " ")
}

func isAccepted(fact, ours, theirs string) bool {
	for _, d := range accepted {
		if full(d.fact, fact) && full(d.ours, ours) && full(d.theirs, theirs) {
			return true
		}
	}
	return false
}

func full(pattern, text string) bool {
	return regexp.MustCompile("^(?:" + pattern + ")$").MatchString(text)
}

// differs is the line that accepts a difference of this example: a fact (a regular expression), ": ", the reason.
func (e *example) differs(fact string) string {
	for _, line := range e.lines("differs") {
		if pattern, _, _ := strings.Cut(line, ": "); full(pattern, fact) {
			return line
		}
	}
	return ""
}

// check compares rc's image with what the example says of it: FACT = VALUE, FACT ~ REGEXP, or no FACT.
func (e *example) check(t *testing.T, p *picture) {
	t.Helper()
	layers := 0
	for _, h := range p.history {
		if !h.EmptyLayer {
			layers++
		}
	}
	if layers != p.layers {
		t.Errorf("%s: %d layers, but the history has %d", e.name, p.layers, layers)
	}
	if *show {
		for _, fact := range slices.Sorted(maps.Keys(p.facts)) {
			t.Logf("%s = %s", fact, p.facts[fact])
		}
		for _, h := range p.history {
			t.Logf("history empty=%t %s", h.EmptyLayer, h.CreatedBy)
		}
	}
	for _, line := range e.lines("image") {
		if fact, ok := strings.CutPrefix(line, "no "); ok {
			if p.facts[fact] != "" {
				t.Errorf("%s: %s is there: %s", e.name, fact, p.facts[fact])
			}
			continue
		}
		if fact, want, found := strings.Cut(line, " = "); found {
			if got := p.facts[fact]; got != want {
				t.Errorf("%s: %s = %s, want %s", e.name, fact, got, want)
			}
		} else if fact, want, found := strings.Cut(line, " ~ "); !found {
			t.Errorf("%q: want FACT = VALUE or FACT ~ REGEXP", line)
		} else if got := p.facts[fact]; !full(want, got) {
			t.Errorf("%s: %s = %s, want %s", e.name, fact, got, want)
		}
	}
}
