package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 123456789, time.UTC)

func TestLine(t *testing.T) {
	code := 3
	e := Event{
		Time: noon, Type: Container, Status: "died", ID: "abc", Name: "web", Image: "docker.io/library/alpine:latest",
		ExitCode: &code, Attributes: map[string]string{"a": "line\nbreak \x00 <&>"},
	}
	line, err := e.line()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(line, []byte("\n")) != 1 || !bytes.HasPrefix(line, []byte(opening)) {
		t.Errorf("%q", line)
	}
	got, ok := parse(bytes.TrimSuffix(line, []byte("\n")))
	if diff := cmp.Diff(e, got); diff != "" || !ok {
		t.Error(ok, diff)
	}
	for _, e := range []Event{{Time: noon, Type: Image}, {Time: noon, Status: "start"}} {
		if _, err := e.line(); err == nil {
			t.Errorf("%+v: no error", e)
		}
	}
}

// TestLong: whatever an event holds, its line is short, and what can be kept is.
func TestLong(t *testing.T) {
	many := map[string]string{}
	for i := range 20000 {
		many[fmt.Sprintf("label-%d", i)] = strings.Repeat("v", 100)
	}
	for name, attributes := range map[string]map[string]string{
		"one":     {"kept": "short", "cut": strings.Repeat("ä", 5000)},
		"escaped": {"cut": strings.Repeat("\x01", 5000)},
		"key":     {strings.Repeat("k", 100_000): "v"},
		"many":    many,
	} {
		given := len(attributes)
		e := Event{Time: noon, Type: Container, Status: "create", ID: strings.Repeat("f", 64), Name: "n", Attributes: attributes}
		line, err := e.line()
		got, ok := parse(bytes.TrimSpace(line))
		if err != nil || !ok || len(line) > longest || got.ID != e.ID || got.Name != "n" || len(got.Attributes) == 0 {
			t.Errorf("%s: %d bytes, %v: %.200s", name, len(line), err, line)
		}
		if len(attributes) != given {
			t.Errorf("%s: the caller's map has %d", name, len(attributes))
		}
		if name == "one" && (got.Attributes["kept"] != "short" || !strings.HasSuffix(got.Attributes["cut"], "ä…")) {
			t.Errorf("%+v", got)
		}
	}
	long := Event{Time: noon, Type: Image, Status: "pull", Name: strings.Repeat("\"", 10000), Image: strings.Repeat("x", 10000)}
	if line, err := long.line(); err != nil || len(line) > longest {
		t.Errorf("%d %v", len(line), err)
	}
}

func TestParse(t *testing.T) {
	good := `{"Time":"2026-01-02T12:00:00Z","Type":"container","Status":"start","ID":"x"}`
	for _, c := range []struct {
		line string
		ok   bool
	}{
		{good, true},
		{"", false},
		{"{}", false},
		{good[:len(good)-5], false},
		{good[:len(good)-5] + good, true},
		{good[:30] + good, true},
		{`{"Time":"2026-01-02T12:00:00Z","Type":"container","Status":"start","Attributes":{"Time":"2026-01-02T12:00:00Z"}`, false},
		{`{"Time":"2026-01-02T12:00:00Z","Type":"container","Status":"start","New":{"later":1}}`, true},
		{`{"Time":"yesterday","Type":"container","Status":"start"}`, false},
		{`[]`, false},
		{`null`, false},
	} {
		if _, ok := parse([]byte(c.line)); ok != c.ok {
			t.Errorf("%s: %v", c.line, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"Time":"2026-01-02T12:00:00Z","Type":"container","Status":"start","ID":"x","ContainerExitCode":1,"Attributes":{"a":"b"}}`))
	f.Add([]byte(`{"Time":"2026-01-02T12:00:0{"Time":"2026-01-02T12:00:00Z","Type":"image","Status":"pull"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, ok := parse(line)
		if !ok {
			return
		}
		written, err := e.line()
		if err != nil {
			// RFC 3339 cannot say every zone that it can be made to read.
			if _, err := json.Marshal(e.Time); err == nil {
				t.Fatal(err)
			}
			return
		}
		again, ok := parse(bytes.TrimSuffix(written, []byte("\n")))
		if !ok || len(written) > longest || again.Time.UnixNano() != e.Time.UnixNano() {
			t.Errorf("%q → %q", line, written)
		}
	})
}
