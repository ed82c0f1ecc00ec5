package files

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseEnd(t *testing.T) {
	for arg, want := range map[string]struct {
		end   End
		name  string // in the stream
		wrong string
	}{
		"web:/etc":      {end: End{"web", "/etc"}, name: "etc"},
		"web:etc/":      {end: End{"web", "etc/"}, name: "etc"},
		"web:/etc/.":    {end: End{"web", "/etc/."}, name: "."},
		"web:/":         {end: End{"web", "/"}, name: "."},
		"web:/a/..":     {end: End{"web", "/a/.."}, name: "."},
		"web:a:b":       {end: End{"web", "a:b"}, name: "a:b"},
		"web:-":         {end: End{"web", "-"}, name: "-"},
		"file":          {end: End{"", "file"}, name: "file"},
		"-":             {end: End{"", "-"}, name: "-"},
		"./web:x":       {end: End{"", "./web:x"}, name: "web:x"},
		"/web:x":        {end: End{"", "/web:x"}, name: "web:x"},
		"dir/web:x":     {end: End{"", "dir/web:x"}, name: "web:x"},
		"../web:x":      {end: End{"", "../web:x"}, name: "web:x"},
		".":             {end: End{"", "."}, name: "."},
		"dir/":          {end: End{"", "dir/"}, name: "dir"},
		"":              {wrong: "empty"},
		":x":            {wrong: "name is missing"},
		"web:":          {wrong: "path is missing"},
		"web:/a//b///.": {end: End{"web", "/a//b///."}, name: "."},
	} {
		got, err := ParseEnd(arg)
		if want.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), want.wrong) {
				t.Errorf("%q: %v", arg, err)
			}
			continue
		}
		if diff := cmp.Diff(want.end, got); err != nil || diff != "" || got.name() != want.name || got.String() != arg {
			t.Errorf("%q: %v %s, name %q, again %q", arg, err, diff, got.name(), got)
		}
	}
}

func TestParseEnds(t *testing.T) {
	for _, test := range []struct {
		from, to string
		ok       bool
	}{
		{"web:/x", "y", true},
		{"x", "web:y", true},
		{"web:x", "db:y", true},
		{"-", "web:y", true},
		{"web:x", "-", true},
		{"x", "y", false},
		{"-", "y", false},
		{"-", "-", false},
		{"web:x", ":y", false},
		{"", "web:y", false},
	} {
		if _, _, err := ParseEnds(test.from, test.to); (err == nil) != test.ok {
			t.Errorf("%q, %q: %v", test.from, test.to, err)
		}
	}
}

func TestInside(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"/a", "/a", true}, {"a", "/a/b", true}, {"/a/.", "a", true}, {"/", "/x", true}, {"/a", "/ab", false}, {"/a/b", "/a", false},
	} {
		if got := inside(test.a, test.b); got != test.want {
			t.Errorf("%q, %q: %v", test.a, test.b, got)
		}
	}
}

// FuzzParseEnd holds that what is taken says the same again.
func FuzzParseEnd(f *testing.F) {
	for _, s := range []string{"a:b", "a", "./a:b", ":", "-", "a:/..", "a/b:c", "/:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		end, err := ParseEnd(arg)
		if err != nil {
			return
		}
		name := end.name()
		if end.String() != arg || end.Path == "" || name == "" || name == ".." || name != "." && strings.Contains(name, "/") {
			t.Errorf("%q: %+v, name %q", arg, end, name)
		}
		if end.Container != "" && strings.ContainsAny(end.Container, "/:") {
			t.Errorf("%q: container %q", arg, end.Container)
		}
	})
}
