package create

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaultBinds(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	strong, weak := filepath.Join(dir, "strong"), filepath.Join(dir, "weak")
	for path, text := range map[string]string{
		strong: "# comment\n\n" + dir + "/a:/run/secrets/\n/rc-nothere:/x\n" + dir + "/b\n", weak: dir + "/c:/run/secrets\n" + dir + "/weak:/e\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := defaultBinds([]string{filepath.Join(dir, "nothere"), strong, weak})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range list {
		got = append(got, m.Source+":"+m.Destination+":"+m.Options[0])
	}
	if want := dir + "/a:/run/secrets:O " + dir + "/b:" + dir + "/b:O " + dir + "/weak:/e:bind"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %s", got, want)
	}
	if _, err := defaultBinds([]string{dir}); err == nil {
		t.Error("a directory was taken for a file")
	}
}

func FuzzParseBinds(f *testing.F) {
	for _, seed := range []string{"/a:/b\n", "/a\n#", "a:b", "/a:/", ":", "/a:/b:ro"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseBinds(text)
		for i, m := range list {
			if err != nil || !filepath.IsAbs(m.Source) || !filepath.IsAbs(m.Destination) || m.Destination == "/" || mountedOn(list[:i], m.Destination) {
				t.Errorf("%q: %+v, %v", text, m, err)
			}
		}
	})
}
