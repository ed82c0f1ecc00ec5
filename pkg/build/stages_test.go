package build_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

// dockerfile writes one beside other files.
func dockerfile(t testing.TB, dir, text string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o644))
}

// TestStages: independent stages run at once, unused ones do not run.
func TestStages(t *testing.T) {
	cfg := setup(t)
	var b strings.Builder
	for i := range 4 {
		fmt.Fprintf(&b, "FROM scratch AS s%d\nRUN write /f%d x%d\n", i, i, i)
	}
	b.WriteString("FROM scratch AS unused\nRUN exit 1\nFROM s0\n")
	for i := range 4 {
		fmt.Fprintf(&b, "COPY --from=s%d /f%d /\n", i, i)
	}
	dir := tree(t, "Dockerfile", b.String())
	// Each waits until all are there.
	var all sync.WaitGroup
	all.Add(4)
	s := &shell{on: func(context.Context, build.Run) {
		all.Done()
		all.Wait()
	}}
	o := options(dir, "x")
	o.Jobs = 4
	made(t, cfg, o, s)
	if s.most != 4 {
		t.Errorf("%d at once", s.most)
	}
	img := resolve(t, cfg, "x")
	for i := range 4 {
		if got := content(t, img, fmt.Sprintf("f%d", i)); got != fmt.Sprintf("x%d", i) {
			t.Errorf("f%d: %q", i, got)
		}
	}
	s = &shell{}
	o.NoCache, o.Jobs = true, 1
	made(t, cfg, o, s)
	if s.most != 1 || len(s.runs) != 4 {
		t.Errorf("one job: %d at once, %q", s.most, s.runs)
	}
}

// TestSame: what two stages, or two builds, have in common is done once, without the cache too.
func TestSame(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", `FROM scratch AS a
RUN sleep 200
RUN write /a a
FROM scratch AS b
RUN sleep 200
RUN write /b b
FROM a
COPY --from=b /b /
`)
	s := &shell{}
	o := options(dir, "x")
	o.NoCache, o.Jobs = true, 4
	made(t, cfg, o, s)
	if len(s.runs) != 3 {
		t.Errorf("one build: %q", s.runs)
	}
	s = &shell{}
	dockerfile(t, dir, "FROM scratch\nRUN sleep 201\nRUN write /x x\n")
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, err := build.Build(context.Background(), cfg, options(dir, "x"), s, nil); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	slices.Sort(s.runs)
	if got := strings.Join(s.runs, ";"); got != "sleep 201;write /x x" {
		t.Errorf("two builds: %q", got)
	}
}

// TestFailure: a step that fails ends the others, and is told of with its lines; what was done before it is kept.
func TestFailure(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", `FROM scratch AS slow
RUN sleep 60000
FROM scratch AS bad
RUN write /a a
RUN print words && \
  exit 3
FROM bad
COPY --from=slow / /
`)
	dockerfile(t, dir, "FROM scratch AS slow\nRUN sleep 60000\nFROM scratch AS bad\nRUN write /a a\nRUN <<EOF\nprint words\nsleep 100\nexit 3\nEOF\nFROM bad\nCOPY --from=slow / /\n")
	s, j := &shell{}, &journal{}
	o := options(dir, "x")
	o.Jobs = 2
	start := time.Now()
	_, err := build.Build(context.Background(), cfg, o, s, j.tell)
	if err == nil || !strings.Contains(err.Error(), "did not complete successfully: exit code: 3") || time.Since(start) > 20*time.Second {
		t.Fatalf("after %s: %v", time.Since(start), err)
	}
	var failed build.Event
	for _, e := range j.events {
		if e.State == build.StateFailed && e.Lines[0] > 0 {
			failed = e
		}
	}
	if failed.Lines != [2]int{5, 9} || !strings.Contains(failed.Error, "exit code: 3") || !strings.Contains(j.log.String(), "words") {
		t.Errorf("event %+v, log %q", failed, j.log.String())
	}
	if got := j.errors["[slow 1/1] RUN sleep 60000"]; got != "canceled" {
		t.Errorf("the other step: %q, %v", got, j.states)
	}
	if _, err := image.Resolve(context.Background(), cfg, "x", image.Platform{}); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("an image: %v", err)
	}
	empty(t, cfg)
	dockerfile(t, dir, "FROM scratch AS bad\nRUN write /a a\n")
	if r, _ := made(t, cfg, options(dir, "x"), &shell{}); r.Cached != 1 {
		t.Errorf("afterwards: %+v", r)
	}
}

// empty looks that nothing is staged, pinned or locked.
func empty(t testing.TB, cfg interface{ StorageRoot() string }) {
	t.Helper()
	root := cfg.StorageRoot()
	for _, dir := range []string{root + "/staging", root + "/../build/pins", root + "/../build/locks"} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			// A pin that was being made when its process was killed stays for a minute (steps.Pinned).
			if !strings.HasPrefix(e.Name(), ".") {
				t.Errorf("%s is not empty: %v", dir, e)
			}
		}
	}
}

// TestInterrupted: the end of the context ends commands and the worker, which cleans up.
func TestInterrupted(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", "FROM scratch\nRUN sleep 60000\n")
	ctx, cancel := context.WithCancel(context.Background())
	s := &shell{on: func(context.Context, build.Run) { cancel() }}
	start := time.Now()
	_, err := build.Build(ctx, cfg, options(dir, ""), s, nil)
	if err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
	empty(t, cfg)
}

func TestCache(t *testing.T) {
	cfg := setup(t)
	const text = "FROM scratch AS one\nARG V=1\nCOPY a /\nRUN write /v 1\nFROM one\nRUN write /w w\n"
	dir := tree(t, "Dockerfile", text, "a", "1", ".dockerignore", "ignored\n")
	base := options(dir, "x")
	first, _ := made(t, cfg, base, &shell{})
	for name, test := range map[string]struct {
		change func(o *build.Options)
		cached int
	}{
		"nothing":         {func(*build.Options) {}, 3},
		"ignored file":    {func(*build.Options) { must(t, os.WriteFile(dir+"/ignored", []byte("x"), 0o644)) }, 3},
		"no cache":        {func(o *build.Options) { o.NoCache = true }, 0},
		"argument":        {func(o *build.Options) { o.Args = map[string]string{"V": "2"} }, 1},
		"other options":   {func(o *build.Options) { o.RunSalt = name(t) }, 1},
		"network of runs": {func(o *build.Options) { o.Network = "none" }, 1},
		"other tag":       {func(o *build.Options) { o.Tags = []string{"localhost/y:latest"} }, 3},
		"label":           {func(o *build.Options) { o.Labels = map[string]string{"a": "b"} }, 3},
		"timestamp":       {func(o *build.Options) { o.CreatedAfter = new(int64) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := base
			test.change(&o)
			if r, j := made(t, cfg, o, &shell{}); r.Cached != test.cached {
				t.Errorf("%+v, want %d cached: %v", r, test.cached, j.states)
			}
		})
	}
	o := base
	o.NoCacheFilter = []string{"ONE"}
	if _, j := made(t, cfg, o, &shell{}); j.states["[one 1/2] COPY a /"] != build.StateDone {
		t.Errorf("without the cache of a stage: %v", j.states)
	}
	must(t, os.WriteFile(dir+"/a", []byte("2"), 0o644))
	if r, _ := made(t, cfg, base, &shell{}); r.Cached != 0 || r.ID == first.ID {
		t.Errorf("changed file: %+v", r)
	}
	must(t, os.WriteFile(dir+"/a", []byte("1"), 0o644))
	if r, _ := made(t, cfg, base, &shell{}); r.Cached != 3 {
		t.Errorf("changed back: %+v", r)
	}
}

func name(t *testing.T) string { return t.Name() }
