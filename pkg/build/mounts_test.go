package build_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

// TestMounts: what RUN --mount shows.
func TestMounts(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", `FROM scratch AS other
COPY a /dir/
FROM scratch
RUN --mount=target=/c have /c/a
RUN --mount=target=/c,source=sub have /c/b
RUN --mount=target=/s,from=other,source=/dir have /s/a
RUN --mount=type=cache,target=/cache write /cache/k v
RUN --mount=type=cache,target=/cache have /cache/k
RUN --mount=type=cache,target=/filled,from=other,source=dir have /filled/a
RUN --mount=target=/c <<EOF
have /c/ignored
EOF
`, "a", "a", "sub/b", "b", "ignored", "x")
	s := &shell{}
	made(t, cfg, options(dir, "x"), s)
	must(t, os.WriteFile(dir+"/.dockerignore", []byte("ignored\n"), 0o644))
	j := &journal{}
	if _, err := build.Build(context.Background(), cfg, options(dir, "x"), s, j.tell); err == nil || !strings.Contains(err.Error(), "exit code: 1") {
		t.Errorf("an ignored file is mounted: %v", err)
	}
	// The first two have the context, which is another one with the new file; the third does not.
	if got := j.states["[stage-1 3/7] RUN --mount=target=/s,from=other,source=/dir have /s/a"]; got != build.StateCached {
		t.Errorf("%q, %v", got, j.states)
	}
	all, err := image.BuildCache(context.Background(), cfg)
	must(t, err)
	mounts := 0
	for _, e := range all {
		if e.Type == steps.CacheDir {
			mounts++
			if e.Size == 0 || e.InUse || e.Text != "/cache" && e.Text != "/filled" {
				t.Errorf("entry %+v", e)
			}
		}
	}
	if mounts != 2 {
		t.Errorf("%d cache mounts in %+v", mounts, all)
	}
}

// TestSharing: two steps at once with one cache mount.
func TestSharing(t *testing.T) {
	for sharing, test := range map[string]struct {
		most int
		dirs int
	}{"shared": {2, 1}, "private": {2, 2}, "locked": {1, 1}} {
		t.Run(sharing, func(t *testing.T) {
			cfg := setup(t)
			var text strings.Builder
			for i := range 2 {
				fmt.Fprintf(&text, "FROM scratch AS s%d\nRUN --mount=type=cache,target=/c,sharing=%s write /s%d x\n", i, sharing, i)
			}
			text.WriteString("FROM s0\nCOPY --from=s1 /s1 /\n")
			dir := tree(t, "Dockerfile", text.String())
			var mu sync.Mutex
			dirs := map[string]bool{}
			both := make(chan struct{})
			n := 0
			s := &shell{on: func(_ context.Context, r build.Run) {
				mu.Lock()
				dirs[r.Mounts[0].Source] = true
				if n++; n == 2 {
					close(both)
				}
				mu.Unlock()
				if test.most == 2 {
					<-both
				}
			}}
			o := options(dir, "x")
			o.Jobs = 2
			made(t, cfg, o, s)
			if s.most != test.most || len(dirs) != test.dirs {
				t.Errorf("%d at once, directories %v", s.most, dirs)
			}
		})
	}
}

// TestMountErrors: what cannot be mounted fails before the command runs.
func TestMountErrors(t *testing.T) {
	cfg := setup(t)
	for text, want := range map[string]string{
		"RUN --mount=target=/c,source=none true":            "none",
		"RUN --mount=target=/c,from=scratch,source=/x true": "",
		"RUN --mount=target=/c,from=none-such/image:1 true": "none-such/image:1",
		"COPY none /":         "none",
		"COPY --from=s1 /x /": "s1",
	} {
		dir := tree(t, "Dockerfile", "FROM scratch\n"+text+"\n")
		s := &shell{}
		o := options(dir, "")
		o.PullPolicy = image.Never
		_, err := build.Build(context.Background(), cfg, o, s, nil)
		if want == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || len(s.runs) > 0 || !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("%s: %v, %q", text, err, s.runs)
		}
	}
	empty(t, cfg)
}

// TestNoContext: a Dockerfile alone.
func TestNoContext(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", "FROM scratch\nCOPY <<EOF /a\ntext\nEOF\n", "b", "b")
	o := options(dir, "x")
	o.Context = ""
	made(t, cfg, o, &shell{})
	if got := content(t, resolve(t, cfg, "x"), "a"); got != "text\n" {
		t.Errorf("%q", got)
	}
	dockerfile(t, dir, "FROM scratch\nCOPY b /\n")
	if _, err := build.Build(context.Background(), cfg, o, &shell{}, nil); !strings.Contains(errs.Hint(err), "no context") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
	// Others by name.
	other := tree(t, "n", "named")
	dockerfile(t, dir, "FROM named\nCOPY --from=named n /m\n")
	o.Contexts = map[string]build.NamedContext{"named": {Dir: other}}
	made(t, cfg, o, &shell{})
	if img := resolve(t, cfg, "x"); content(t, img, "n")+content(t, img, "m") != "namednamed" {
		t.Errorf("%q %q", content(t, img, "n"), content(t, img, "m"))
	}
}

// TestExport: files instead of an image.
func TestExport(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", "FROM scratch\nCOPY a /x/\nRUN write /x/b b\nRUN rm /x/a\n", "a", "a")
	out := filepath.Join(t.TempDir(), "new")
	o := options(dir, "")
	o.Export = &build.Export{Path: out}
	made(t, cfg, o, &shell{})
	data, err := os.ReadFile(out + "/x/b")
	if _, gone := os.Lstat(out + "/x/a"); err != nil || string(data) != "b" || !errors.Is(gone, os.ErrNotExist) {
		t.Errorf("%q, %v, %v", data, err, gone)
	}
	o.Export = &build.Export{Path: out + ".tar", Tar: true}
	made(t, cfg, o, &shell{})
	if info, err := os.Stat(out + ".tar"); err != nil || info.Size() < 1024 {
		t.Errorf("%v, %v", info, err)
	}
	ix, err := image.Read(context.Background(), cfg)
	must(t, err)
	if all, err := ix.All(); err != nil || len(all) > 0 {
		t.Errorf("images %v, %v", all, err)
	}
}
