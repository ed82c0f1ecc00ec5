package unitfile

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
)

const sample = `# a comment
; another
[Unit]
Description = Two   words
After=a.service b.service
[Container]
Exec=sh -c \
  # in between
  ; and another
  "echo 1; \
   echo 2"
Label=a=b
Label=
Label=c=d
Empty=

[Unit]
After=c.service
`

func TestParse(t *testing.T) {
	f, err := Parse("x", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	at := func(line int) Pos { return Pos{"x", line} }
	want := []*Section{
		{"Unit", at(3), []Entry{
			{"Description", "Two   words", at(4)}, {"After", "a.service b.service", at(5)}, {"After", "c.service", at(18)},
		}},
		{"Container", at(6), []Entry{
			{"Exec", `sh -c "echo 1; echo 2"`, at(7)}, {"Label", "a=b", at(12)}, {"Label", "", at(13)}, {"Label", "c=d", at(14)}, {"Empty", "", at(15)},
		}},
	}
	if diff := cmp.Diff(want, f.Sections); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := f.Values("Container", "Label"); len(got) != 1 || got[0].Value != "c=d" {
		t.Errorf("labels %v: the empty assignment undoes those before it", got)
	}
	if e, ok := f.Last("Container", "Empty"); !ok || e.Value != "" {
		t.Errorf("an empty key: %v %v", e, ok)
	}
	if _, ok := f.Last("Nowhere", "Empty"); ok || f.Values("Nowhere", "x") != nil {
		t.Error("a section that is not there has a key")
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"[Unit]\nnothing\n":    `x:2: "nothing": want KEY=VALUE`,
		"[Unit]\n=value":       `x:2: "=value": want KEY=VALUE`,
		"Key=value\n":          "x:1: \"Key=value\" comes before the first [SECTION]",
		"[Unit\nA=b":           `x:1: "[Unit": want [SECTION]`,
		"[]\n":                 `x:1: "[]": want [SECTION]`,
		"[Unit]]\n":            `x:1: "[Unit]]": want`,
		"[Unit]\nA=\x00":       "x: not a text file",
		"\x7fELF\xff\xfe":      "x: not a text file",
		"[Unit]\nA=b \\\n\n c": `x:4: "c": want`, // an empty line ends it
		"[Unit]\nA=b\n" + strings.Repeat("y", 200): "y…\": want",
	} {
		if _, err := Parse("x", []byte(text)); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestParseForms: what editors of other systems leave, and files that end in the middle.
func TestParseForms(t *testing.T) {
	for text, want := range map[string]string{
		"\ufeff[Unit]\r\nA=b\r\n":      "b",
		"[Unit]\nA=b \\":               "b",
		"[Unit]\nA=b\\\nc":             "b c",
		"[Unit]\n  A = b":              "b",
		"[Unit]\nA=b # no comment":     "b # no comment",
		"[Unit]\nA=b\\\\\nB=c":         `b\\`,
		"[Unit]  \nA==b":               "=b",
		"[Unit]\nA=b\\\n#x\nc\\\n;\nd": "b c d",
	} {
		f, err := Parse("x", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if e, _ := f.Last("Unit", "A"); e.Value != want {
			t.Errorf("%q: %q, want %q", text, e.Value, want)
		}
	}
}

func TestChange(t *testing.T) {
	f, err := Parse("x", []byte("[Unit]\nA=1\nA=2\n[Service]\nType=\n"))
	if err != nil {
		t.Fatal(err)
	}
	c := &File{}
	c.Merge(f)
	c.Prepend("Unit", "After", "net")
	c.Remove("Unit", "A")
	c.Default("Service", "Type", "notify")
	c.Default("Service", "Type", "oneshot")
	c.Add("Install", "WantedBy", "default.target")
	want := "# by\n# a test\n\n[Unit]\nAfter=net\n\n[Service]\nType=\nType=notify\n\n[Install]\nWantedBy=default.target\n"
	if diff := cmp.Diff(want, string(c.Bytes("by\na test"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(f.Values("Unit", "A")) != 2 || f.Section("Install") != nil {
		t.Error("the clone was not one")
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string][]string{
		"":                        nil,
		"  a  b\tc ":              {"a", "b", "c"},
		`"a b" 'c "d'`:            {"a b", `c "d`},
		`FOO="a b"c`:              {"FOO=a bc"},
		`"" ''`:                   {"", ""},
		`a\ b`:                    nil, // no escape
		`a\sb \x41 \101 \u00e9`:   {"a b", "A", "A", "é"},
		`\U0001F600 \t\n`:         {"😀", "\t\n"},
		`"it\"s" 'a\'b'`:          {`it"s`, "a'b"},
		`sh -c "x; y" ; %i $HOME`: {"sh", "-c", "x; y", ";", "%i", "$HOME"},
		`end\`:                    {`end\`},
		`\x4`:                     nil,
		`\x00`:                    nil,
		`\q`:                      nil,
		`\400`:                    nil,
		`\ud800`:                  nil,
	} {
		got, err := Words(in)
		if diff := cmp.Diff(want, got); diff != "" || (err != nil) != (want == nil && in != "") {
			t.Errorf("%q: %v (-want +got):\n%s", in, err, diff)
		}
	}
	if got, err := Words(`a "b c`); !errors.Is(err, ErrUnbalanced) || !slices.Equal(got, []string{"a", "b c"}) {
		t.Errorf("without an end: %q, %v", got, err)
	}
	if got, err := List(`a\x41 "b c"`); err != nil || !slices.Equal(got, []string{`a\x41`, "b c"}) {
		t.Errorf("a list: %q, %v", got, err)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":           `""`,
		"plain%i$X":  "plain%i$X",
		"é":          "é",
		"a b":        `"a b"`,
		";":          `";"`,
		"a;b":        "a;b",
		`a"b\c`:      `"a\"b\\c"`,
		"it's":       `"it's"`,
		"a\nb\x01\t": `"a\nb\x01\t"`,
		"\xff":       `"\xff"`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	if got := Literal("50%/%i"); got != "50%%/%%i" {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("[A]\nb=c\\\n\\\n"))
	f.Add([]byte("\x1b="))
	f.Add([]byte("[A]\nb=\\ \\\n\nc=d\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("x", data)
		if err != nil {
			if !errors.Is(err, errs.ErrInvalid) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%q: %v", data, err)
			}
			return
		}
		// What is written is read the same.
		again, err := Parse("x", file.Bytes("fuzz"))
		if err != nil {
			t.Fatalf("%q: written as %q: %v", data, file.Bytes("fuzz"), err)
		}
		for i, s := range file.Sections {
			if len(again.Sections) != len(file.Sections) || again.Sections[i].Name != s.Name || len(again.Sections[i].Entries) != len(s.Entries) {
				t.Fatalf("%q: written as %q", data, file.Bytes("fuzz"))
			}
			for j, e := range s.Entries {
				if a := again.Sections[i].Entries[j]; a.Key != e.Key || a.Value != e.Value {
					t.Fatalf("%q: %q became %q", data, e, a)
				}
			}
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add(`a "b c" \x41 'd'`)
	f.Add("\xff;\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, words := range [][]string{mustWords(s), {s}, strings.Fields(s)} {
			words = slices.DeleteFunc(words, func(w string) bool { return strings.ContainsRune(w, 0) }) // no argument has one
			again, err := Words(Join(words))
			if err != nil || !slices.Equal(words, again) && len(words)+len(again) > 0 {
				t.Errorf("%q: %q quoted as %q: %q, %v", s, words, Join(words), again, err)
			}
		}
	})
}

func mustWords(s string) []string {
	words, _ := Words(s)
	return words
}
