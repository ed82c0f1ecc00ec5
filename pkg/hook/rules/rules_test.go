package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func rule(when, stages string) string {
	return `{"version":"1.0.0","hook":{"path":"/bin/true"},"when":` + when + `,"stages":[` + stages + `]}`
}

func TestAdd(t *testing.T) {
	for when, want := range map[string]bool{
		`{"always":true}`:                                   true,
		`{"always":false}`:                                  false,
		`{"hasBindMounts":true}`:                            true,
		`{"hasBindMounts":false}`:                           false,
		`{"commands":["/sh$"]}`:                             true,
		`{"commands":["^sh"]}`:                              false,
		`{"annotations":{"^com\\..*$":"^y"}}`:               true,
		`{"annotations":{"^com\\..*$":"^n"}}`:               false,
		`{"always":true,"commands":["nothing"]}`:            false,
		`{"commands":["nothing","sh"],"always":true}`:       true,
		`{"annotations":{"com":"yes"},"commands":["bash"]}`: false,
	} {
		dir := t.TempDir()
		write(t, dir, "a.json", rule(when, `"prestart","poststop"`))
		write(t, dir, "ignored.txt", "{")
		spec := &specs.Spec{Process: &specs.Process{Args: []string{"/bin/sh"}}, Annotations: map[string]string{"com.example": "yes"}}
		if err := Add(spec, []string{"/nothere", dir}, true); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		if got := spec.Hooks != nil && len(spec.Hooks.Poststop) == 1; got != want {
			t.Errorf("%s: %v", when, got)
		}
	}
}

func TestOverride(t *testing.T) {
	low, high := t.TempDir(), t.TempDir()
	write(t, low, "b.json", rule(`{"always":true}`, `"poststart"`))
	write(t, low, "a.json", `{"version":"1.0.0","hook":{"path":"/bin/sh"},"when":{"always":true},"stages":["poststart"]}`)
	write(t, low, "c.json", rule(`{"always":true}`, `"poststart"`))
	write(t, high, "c.json", rule(`{"always":false}`, `"poststart"`))
	spec := &specs.Spec{}
	if err := Add(spec, []string{low, high}, false); err != nil {
		t.Fatal(err)
	}
	if got := spec.Hooks.Poststart; len(got) != 2 || got[0].Path != "/bin/sh" {
		t.Errorf("%+v", got)
	}
}

func TestRefuse(t *testing.T) {
	for text, word := range map[string]string{
		"{": "JSON", "{}": "version", rule(`{}`, `"poststop"`): "no condition", rule(`{"always":true}`, ``): "none",
		rule(`{"always":true}`, `"precreate"`): "precreate", rule(`{"commands":["("]}`, `"poststop"`): "(",
		`{"version":"1.0.0","hook":{"path":"true"},"when":{"always":true},"stages":["poststop"]}`:                  "absolute",
		`{"version":"1.0.0","hook":{"path":"/nothere"},"when":{"always":true},"stages":["poststop"]}`:              "/nothere",
		`{"version":"1.0.0","hook":{"path":"/bin/true","timeout":0},"when":{"always":true},"stages":["poststop"]}`: "timeout",
	} {
		dir := t.TempDir()
		write(t, dir, "x.json", text)
		err := Add(&specs.Spec{}, []string{dir}, false)
		if err == nil || !strings.Contains(err.Error(), word) || !strings.Contains(err.Error(), dir+"/x.json") {
			t.Errorf("%s: %v, want %q", text, err, word)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(rule(`{"always":true,"annotations":{"a":"b"},"commands":["c"]}`, `"prestart"`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := parse(data)
		if err != nil {
			return
		}
		if _, err := parsed.When.match(&specs.Spec{}, false); err != nil {
			t.Error(err)
		}
	})
}
