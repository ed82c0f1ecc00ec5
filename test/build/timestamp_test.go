package build

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTimestamp: with --timestamp an image has the same digest whenever, and by whomever, it is built.
func TestTimestamp(t *testing.T) {
	h := home(t)
	names, err := filepath.Glob("corpus/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("corpus: %d archives, %v", len(names), err)
	}
	for _, name := range names {
		g, err := readGroup(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(g.name, func(t *testing.T) {
			dir := t.TempDir()
			g.write(t, dir)
			for _, e := range g.cases {
				if _, fails := e.files["fails"]; fails {
					continue
				}
				t.Run(e.name, func(t *testing.T) {
					t.Parallel()
					e.write(t, dir)
					if one, two := e.digest(t, dir, h.rc), e.digest(t, dir, h.rc); one != two {
						t.Errorf("%s: %s, then %s", e.name, one, two)
					}
				})
			}
		})
	}
}

// digest builds an example from nothing, and says what has come out.
func (e *example) digest(t *testing.T, dir string, rc *engine) string {
	t.Helper()
	const fixed = "--timestamp=1700000000"
	if _, ok := e.files["base"]; ok {
		if err := rc.build(dir, e.name+".base", "localhost/"+e.name+"-base", "ctx", []string{fixed, "--no-cache"}); err != nil {
			t.Fatal(err)
		}
	}
	name, file := "localhost/time/"+e.name, filepath.Join(dir, e.name+".json")
	if err := e.make(dir, rc, name, fixed, "--no-cache", "--metadata-file="+file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
