package build_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/build"
)

const exchanging = `FROM scratch AS one
COPY a /
RUN write /1 1
FROM scratch
RUN write /2 2
COPY --from=one /1 /
`

// TestExchange: a cache that was written to a directory is one for another machine.
func TestExchange(t *testing.T) {
	dir := tree(t, "Dockerfile", exchanging, "a", "a")
	out := filepath.Join(t.TempDir(), "cache")
	for mode, cached := range map[string]int{"min": 2, "max": 4} {
		t.Run(mode, func(t *testing.T) {
			must(t, os.RemoveAll(out))
			cfg := setup(t)
			o := options(dir, "x")
			o.CacheTo = []build.Cache{{Type: "local", Ref: out, Attrs: map[string]string{"mode": mode}}}
			first, _ := made(t, cfg, o, &shell{})
			made(t, cfg, o, &shell{}) // once more to the same place
			o.CacheTo, o.CacheFrom = nil, []build.Cache{{Type: "local", Ref: out}}
			s := &shell{}
			r, j := made(t, setup(t), o, s)
			if r.Cached != cached || mode == "max" && len(s.runs) > 0 {
				t.Errorf("%+v, runs %q, %v\n%s", r, s.runs, j.states, j.log.String())
			}
			if mode == "max" && r.ID != first.ID {
				t.Errorf("another image: %s, %s", r.ID, first.ID)
			}
			o.NoCache = true
			if r, _ := made(t, setup(t), o, &shell{}); r.Cached != 0 {
				t.Errorf("without the cache: %+v", r)
			}
		})
	}
	// What is damaged is done without.
	blobs, err := filepath.Glob(out + "/blobs/sha256/*")
	must(t, err)
	for _, damage := range []struct {
		name string
		do   func() error
		want string
	}{
		{"layers", func() error {
			for _, b := range blobs {
				data, err := os.ReadFile(b)
				if err != nil {
					return err
				}
				if !json.Valid(data) {
					data[len(data)/2] ^= 1
					if err := os.WriteFile(b, data, 0o644); err != nil {
						return err
					}
				}
			}
			return nil
		}, "the step is not taken"},
		{"configuration", func() error {
			for _, b := range blobs {
				data, err := os.ReadFile(b)
				if err == nil && strings.Contains(string(data), `"steps"`) {
					return os.WriteFile(b, append(data, ' '), 0o644)
				}
			}
			return os.ErrNotExist
		}, "damaged"},
		{"everything", func() error { return os.RemoveAll(out) }, "no such file"},
	} {
		must(t, damage.do())
		o := options(dir, "x")
		o.CacheFrom = []build.Cache{{Type: "local", Ref: out}}
		s := &shell{}
		if r, j := made(t, setup(t), o, s); r.Cached != 0 || len(s.runs) != 2 || !strings.Contains(j.log.String(), damage.want) {
			t.Errorf("%s: %+v, runs %q\n%s", damage.name, r, s.runs, j.log.String())
		}
	}
}
