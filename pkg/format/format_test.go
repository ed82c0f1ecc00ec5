package format

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
)

type config struct {
	Env    []string `json:"env,omitempty"`
	Labels map[string]string
}

type row struct {
	ID        string
	Image     string
	CreatedAt string
	Names     []string
	Config    config
	hidden    int
}

func (r row) Status() string { return "Up " + r.CreatedAt }

var options = Options{Table: `{{.ID}}\t{{.Image}}\t{{.Status}}\t{{join .Names ","}}`, Headings: map[string]string{"ID": "CONTAINER ID"}}

func rowsForTest() []row {
	return []row{
		{ID: "1", Image: "alpine", CreatedAt: "now", Names: []string{"a", "b"}, Config: config{Env: []string{"A=<b>"}}},
		{ID: "22222222222222", Image: "busybox", CreatedAt: "then"},
	}
}

func TestPrint(t *testing.T) {
	for _, c := range []struct{ format, want string }{
		{"", "CONTAINER ID    IMAGE       STATUS      NAMES\n1               alpine      Up now      a,b\n22222222222222  busybox     Up then     \n"},
		{"table {{.ID}}\\t{{.CreatedAt}}", "CONTAINER ID    CREATED AT\n1               now\n22222222222222  then\n"},
		{"table {{.Config.Env}} {{upper .Image}}", "ENV IMAGE\n[A=<b>] ALPINE\n[] BUSYBOX\n"},
		{"table {{len .Names}}", "NAMES\n2\n0\n"},
		{"{{.ID}} {{.Status}}", "1 Up now\n22222222222222 Up then\n"},
		{"{{json .Config.Env}}", "[\"A=<b>\"]\nnull\n"},
		{`{{range .}}{{.ID}}\n{{end}}`, "1\n22222222222222\n"},
		{`{{printf "%s\n" .ID}}\t{{title .Image}}`, "1\n\tAlpine\n22222222222222\n\tBusybox\n"},
		{`{{truncate .ID 3}} {{pad .ID 1 1}} {{index (split .Image "i") 0}} {{lower "X"}} {{quote .Image}}`, "1  1  alp x \"alpine\"\n222  22222222222222  busybox x \"busybox\"\n"},
		{`{{range .Names}}{{.}};{{end}}{{with .Config}}{{len .Env}}{{end}}`, "a;b;1\n0\n"},
		{`{{.Config.env}}`, "[A=<b>]\n[]\n"},
		{`{{$.ID}}{{if eq .ID "1"}}!{{end}}`, "1!\n22222222222222\n"},
	} {
		var b strings.Builder
		if err := Print(&b, c.format, rowsForTest(), options); err != nil {
			t.Errorf("%q: %v", c.format, err)
			continue
		}
		if d := cmp.Diff(c.want, b.String()); d != "" {
			t.Errorf("%q: %s", c.format, d)
		}
	}
}

func TestPrintJSON(t *testing.T) {
	var b strings.Builder
	if err := Print(&b, "json", []row(nil), options); err != nil || b.String() != "[]\n" {
		t.Errorf("no rows: %q %v", b.String(), err)
	}
	b.Reset()
	if err := PrintOne(&b, "", struct{ A string }{"<&>"}); err != nil || b.String() != "{\n    \"A\": \"<&>\"\n}\n" {
		t.Errorf("one: %q %v", b.String(), err)
	}
	b.Reset()
	if err := PrintOne(&b, "{{.A}}", struct{ A string }{"x"}); err != nil || b.String() != "x\n" {
		t.Errorf("template: %q %v", b.String(), err)
	}
}

func TestPrintErrors(t *testing.T) {
	for _, c := range []struct{ format, want string }{
		{"{{.Foo}}", `no field ".Foo"; there are .Config, .CreatedAt, .ID, .Image, .Names, .Status`},
		{"{{.Config.Foo}}", `no field ".Config.Foo"; there are .Env, .Labels`},
		{"{{$.Foo}}", "no field"},
		{"{{if .ID}}{{.Foo}}{{end}}", "no field"},
		{"{{.hidden}}", "no field"},
		{"{{.ID.X}}", "no field"},
		{"table {{.Foo}}", "no field"},
		{"{{.ID", "unclosed action"},
		{"{{nosuch .ID}}", `function "nosuch" not defined`},
		{"{{range .Names}}{{.Foo}}{{end}}", "can't evaluate field Foo"},
	} {
		var b strings.Builder
		err := Print(&b, c.format, rowsForTest(), options)
		if !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), c.want) || b.Len() > 0 {
			t.Errorf("%q: %v, printed %q; want %q", c.format, err, b.String(), c.want)
		}
	}
	// Without rows, too.
	if err := Print(&strings.Builder{}, "{{.Foo}}", []row{}, options); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("no rows: %v", err)
	}
	if err := Check("{{.Foo}}", row{hidden: 1}, options); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("Check: %v", err)
	}
}

func FuzzPrint(f *testing.F) {
	for _, s := range []string{"", "json", "table", "table {{.ID}}", `{{range .}}{{.ID}}\n{{end}}`, "{{.Config.Env}}", "{{", "{{define \"x\"}}{{.Foo}}{{end}}{{template \"x\" .}}", "{{with $x := .ID}}{{$x.Foo}}{{end}}", "{{(.Config).Env}}", "{{1.2.3}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, format string) {
		if strings.Count(format, "range") > 1 || strings.Contains(format, "template") || strings.Contains(format, "printf") {
			t.Skip("may print for ever")
		}
		var b strings.Builder
		if err := Print(&b, format, rowsForTest(), options); err != nil && !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", format, err)
		}
	})
}

func TestHeading(t *testing.T) {
	for name, want := range map[string]string{
		"ID": "ID", "CreatedAt": "CREATED AT", "ImageID": "IMAGE ID", "Names": "NAMES", "PIDNS": "PIDNS", "IDOf": "ID OF", "ExitCode": "EXIT CODE",
	} {
		if got := heading(name, nil); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestHuman(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct{ got, want string }{
		{Ago(now.Add(-5*time.Second), now), "5 seconds ago"},
		{Ago(now.Add(-61*time.Second), now), "About a minute ago"},
		{Ago(now.Add(time.Hour), now), "Less than a second ago"}, // a clock set back
		{Size(7_630_000), "7.63 MB"},
		{Size(0), "0 B"},
		{Truncate("añb", 2), "añ"},
		{Ellipsis("abcdef", 4), "abc…"},
		{Ellipsis("abcd", 4), "abcd"},
		{ShortID("sha256:0123456789abcdef"), "0123456789ab"},
		{Plain("a\x1b[31m\nb\u202ec"), `a\x1b[31m\nb\u202ec`},
		{Plain("ünï"), "ünï"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
