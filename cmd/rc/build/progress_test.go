package build

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/build"
)

func at(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }

// events are of two steps side by side, of which the second one fails.
func events() []build.Event {
	return []build.Event{
		{Step: 0, Time: at(0), Name: "[1/3] FROM alpine", State: build.StateCached},
		{Step: 1, Time: at(0), Name: "[2/3] COPY . .", State: build.StateBegin},
		{Step: 2, Time: at(10), Name: "[build 2/2] RUN make", State: build.StateBegin},
		{Step: 2, Time: at(100), Stream: 1, Log: []byte("one\ntw")},
		{Step: 1, Time: at(200), State: build.StateDone},
		{Step: 2, Time: at(300), Stream: 1, Log: []byte("o\n")},
		{Step: 2, Time: at(310), Stream: 2, Log: []byte("\x1b[31mred\x1b[0m 10%\r20%\x07")},
		{Step: 2, Time: at(400), State: build.StateFailed, Error: "exit code: 2", Lines: [2]int{3, 4}, Code: 2},
	}
}

func TestPlain(t *testing.T) {
	var out bytes.Buffer
	p := newPlain(&out)
	for _, e := range events() {
		p.Event(e)
	}
	p.End()
	want := `#1 [1/3] FROM alpine
#1 CACHED

#2 [2/3] COPY . .

#3 [build 2/2] RUN make
#3 0.090 one

#2 [2/3] COPY . .
#2 DONE 0.2s

#3 [build 2/2] RUN make
#3 0.290 two
#3 0.390 20%
#3 ERROR: exit code: 2
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	if s := p.Failed(); s == nil || s.code != 2 || s.lines != [2]int{3, 4} || len(s.tail) != 3 {
		t.Errorf("%+v", s)
	}
}

// TestFrame: no line is wider than the screen, and the times stand at the right.
func TestFrame(t *testing.T) {
	for _, width := range []int{24, 40, 80} {
		b := &tty{book: newBook()}
		b.begun = at(0)
		for _, e := range events()[:7] {
			b.note(e)
		}
		frame := b.frame(at(350), width, false)
		for _, line := range frame {
			if runes(line) > width {
				t.Errorf("width %d: %q", width, line)
			}
		}
		if width < 80 {
			continue
		}
		want := []string{
			"[+] Building 0.3s (2/3)",
			" => CACHED [1/3] FROM alpine" + strings.Repeat(" ", 48) + "0.0s",
			" => [2/3] COPY . ." + strings.Repeat(" ", 58) + "0.2s",
			" => [build 2/2] RUN make" + strings.Repeat(" ", 52) + "0.3s",
			" => => # one",
			" => => # two",
		}
		if diff := cmp.Diff(want, frame); diff != "" {
			t.Error(diff)
		}
	}
}

// TestLongOutput: memory does not grow with what a step prints, and lines without an end are cut.
func TestLongOutput(t *testing.T) {
	b := newBook()
	b.note(build.Event{Step: 0, Time: at(0), Name: "x", State: build.StateBegin})
	lines := 0
	for range 100 {
		_, more := b.note(build.Event{Step: 0, Time: at(1), Stream: 1, Log: bytes.Repeat([]byte("x"), 10_000)})
		lines += len(more)
	}
	s := b.steps[0]
	if got, want := lines, 100*10_000/longestLine; got != want || len(s.tail) != tailLines || len(s.line[1]) >= longestLine {
		t.Errorf("%d lines, want %d; %d kept, %d bytes left", got, want, len(s.tail), len(s.line[1]))
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain":               "plain",
		"tab\there":           "tab\there",
		"\x1b[1;32mok\x1b[m":  "ok",
		"\x1b]0;title\x07x":   "x",
		"10%\r50%\r100%":      "100%",
		"dos\r":               "dos",
		"\x1b[2J\x1b[H\x00ä€": "ä€",
		"\xff\xfe":            "\ufffd",
		"\x1b":                "",
		"\x1b[":               "",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b[31mred\x1b]0;x\x07 \xff\r")
	f.Fuzz(func(t *testing.T, in string) {
		if out := printable(in); strings.ContainsAny(out, "\x1b\r\x00\x07") {
			t.Errorf("%q: %q", in, out)
		}
	})
}

func TestExplain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Dockerfile")
	var text strings.Builder
	for i := 1; i <= 9; i++ {
		fmt.Fprintf(&text, "LINE %d\n", i)
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBook()
	for _, e := range events() {
		b.note(e)
	}
	var out bytes.Buffer
	explain(&out, b.failed, file, "docker/Dockerfile")
	want := `------
 > [build 2/2] RUN make:
0.090 one
0.290 two
0.390 20%
------
docker/Dockerfile:3
--------------------
   1 |     LINE 1
   2 |     LINE 2
   3 | >>> LINE 3
   4 | >>> LINE 4
   5 |     LINE 5
   6 |     LINE 6
   7 |     LINE 7
--------------------
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
