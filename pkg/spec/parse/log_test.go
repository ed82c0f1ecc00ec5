package parse

import (
	"errors"
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestParseLogDriver(t *testing.T) {
	check(t, LogDriver, []accepted[string]{
		{"k8s-file", "k8s-file"},
		{"json-file", "json-file"},
		{"journald", "journald"},
		{"none", "none"},
		{"passthrough", "passthrough"},
	}, []refusal{
		{"", "want k8s-file, json-file, journald, none or passthrough", nil},
		{"syslog", "want k8s-file, ", nil},
	})
}

func parseLogOpt(value string) (spec.Log, error) {
	var l spec.Log
	err := LogOpt(&l, value, "/home/u")
	return l, err
}

func TestParseLogOpt(t *testing.T) {
	check(t, parseLogOpt, []accepted[spec.Log]{
		{"max-size=10m", spec.Log{MaxSize: 10 << 20}},
		{"max-size=-1", spec.Log{}},
		{"max-file=3", spec.Log{MaxFiles: 3}},
		{"path=/var/log/x.log", spec.Log{Path: "/var/log/x.log"}},
		{"path=logs/../x.log", spec.Log{Path: "/home/u/x.log"}},
		{"tag={{.Name}}/{{ .ID }}", spec.Log{Tag: "{{.Name}}/{{ .ID }}"}},
		{"tag=a=b", spec.Log{Tag: "a=b"}},
	}, []refusal{
		{"max-size", "want max-size=VALUE", nil},
		{"max-size=", "want max-size=VALUE", nil},
		{"max-size=big", `size "big": want a number`, nil},
		{"max-file=0", "want a number of files from 1 to 1000", nil},
		{"max-file=x", "want a number of files from 1 to 1000", nil},
		{"path=/tmp/", "not of a directory", nil},
		{"path=a\x00b", "NUL", nil},
		{"labels=a", `unknown option "labels": want max-file, max-size, path or tag`, nil},
		{"", `unknown option "": want max-file, max-size, path or tag`, nil},
		{"tag={{.Nam}}", "unknown field {{.Nam}}: want {{.FIELD}} with ContainerID, ", nil},
		{"tag={{Name}}", "unknown field {{Name}}", nil},
		{"tag={{.Name", "}} is missing", nil},
		{"tag=a\nb", "control character", nil},
	})
}

func TestLogTag(t *testing.T) {
	c := &spec.Container{ID: strings.Repeat("ab", 32), Name: "web", Image: spec.Image{ID: strings.Repeat("cd", 32), Name: "docker.io/library/alpine:latest"}}
	for tag, want := range map[string]string{
		"":                                   "",
		"plain } text":                       "plain } text",
		"{{.Name}}-{{.ID}}":                  "web-abababababab",
		"{{.ImageName}} {{.ImageID}}":        "docker.io/library/alpine:latest cdcdcdcdcdcd",
		"{{.FullID}}/{{.ImageFullID}}":       c.ID + "/" + c.Image.ID,
		"{{.DaemonName}}/{{.ContainerName}}": "rc/web",
	} {
		got, err := LogTag(tag, c)
		if err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", tag, got, err, want)
		}
	}
}

func TestLogCheck(t *testing.T) {
	for _, test := range []struct {
		l    spec.Log
		want string
	}{
		{spec.Log{}, ""},
		{spec.Log{MaxSize: 1, MaxFiles: 2, Path: "/x", Tag: "t"}, ""},
		{spec.Log{Driver: "json-file", MaxSize: 1, MaxFiles: 2, Path: "/x", Tag: "t"}, ""},
		{spec.Log{Driver: "journald", Tag: "t"}, ""},
		{spec.Log{Driver: "journald", MaxSize: 1}, `"max-size": log driver journald takes no such option`},
		{spec.Log{Driver: "none", Tag: "t"}, `"tag": log driver none takes no such option`},
		{spec.Log{Driver: "passthrough", Path: "/x"}, `"path": log driver passthrough takes no such option`},
	} {
		got := ""
		if err := CheckLog(test.l); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%+v: %q, want %q", test.l, got, test.want)
		}
	}
}

func FuzzParseLogOpt(f *testing.F) {
	f.Add("max-size=10m")
	f.Add("tag={{.Name}}{{.ID}}")
	f.Fuzz(func(t *testing.T, value string) {
		l, err := parseLogOpt(value)
		if err != nil && !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", value, err)
		}
		if err == nil && l.MaxSize < 0 {
			t.Errorf("%q: %+v", value, l)
		}
	})
}
