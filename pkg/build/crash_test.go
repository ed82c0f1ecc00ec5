package build_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/test/testns"
)

// workers are the pids of our rc-image children that build.
func workers(t testing.TB) []int {
	t.Helper()
	return testns.Children(t, "rc-image\x00build\x00")
}

const crashing = `FROM scratch AS one
COPY a /
RUN write /1 1
RUN write /2 2
FROM scratch AS two
RUN --mount=type=cache,target=/cache write /cache/x x
COPY --from=one /1 /
WORKDIR /w
`

// TestKilled kills the worker at each message that it sends, and at many moments in between. The next build goes on from
// the last step that was finished, and nothing else is left.
func TestKilled(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", crashing, "a", strings.Repeat("a", 100000))
	j := &journal{}
	start := time.Now()
	_, err := build.Build(context.Background(), cfg, options(dir, "x"), &shell{}, j.tell)
	must(t, err)
	whole, messages := time.Since(start), len(j.events)
	for i := range messages {
		killed(t, dir, func(n int) bool { return n == i }, 0)
	}
	for i := range 20 {
		killed(t, dir, func(int) bool { return false }, whole*time.Duration(i)/20)
	}
}

// killed kills a build at a message, or after a time that is not 0, and builds again.
func killed(t *testing.T, dir string, at func(n int) bool, after time.Duration) {
	t.Helper()
	cfg := setup(t)
	kill := func() {
		for _, pid := range workers(t) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	stop := func() bool { return false }
	if after > 0 {
		stop = time.AfterFunc(after, kill).Stop
	}
	s := &shell{}
	done := map[string]bool{}
	names := map[int]string{}
	n := 0
	_, err := build.Build(context.Background(), cfg, options(dir, "x"), s, func(e build.Event) {
		if e.Name != "" {
			names[e.Step] = e.Name
		}
		if e.State == build.StateDone {
			done[names[e.Step]] = true
		}
		if at(n) {
			kill()
		}
		n++
	})
	stop() // or it would be the next build that is killed
	if err == nil && after == 0 && n == 0 {
		t.Error("nothing was killed")
	}
	again := &shell{}
	r, j := made(t, cfg, options(dir, "x"), again)
	for name := range done {
		if strings.Contains(name, "/") && j.states[name] == build.StateDone {
			t.Errorf("%s was done before the kill, and again after it", name)
		}
	}
	// Who is killed between the end of a command and its record has it run again; the other ones are not.
	if len(s.runs)+len(again.runs) > 5 {
		t.Errorf("runs %q, then %q", s.runs, again.runs)
	}
	if img := resolve(t, cfg, "x"); img.ID != r.ID || content(t, img, "1") != "1" {
		t.Errorf("image %s, %q", img.ID, content(t, img, "1"))
	}
	// The lock of a step that was finished when its holder was killed is an empty file, until somebody sweeps.
	clean(t, cfg)
	empty(t, cfg)
}

// clean deletes everything, and looks that nothing is left.
func clean(t testing.TB, cfg *config.Config) {
	t.Helper()
	ctx := context.Background()
	_, err := image.Remove(ctx, cfg, image.RemoveOptions{All: true})
	must(t, err)
	_, err = image.PruneBuildCache(ctx, cfg, steps.PruneOptions{All: true})
	must(t, err)
	if all, err := image.BuildCache(ctx, cfg); err != nil || len(all) > 0 {
		t.Errorf("build cache %v, %v", all, err)
	}
	_, err = image.Remove(ctx, cfg, image.RemoveOptions{All: true}) // sweeps
	must(t, err)
	entries, err := os.ReadDir(cfg.StorageRoot() + "/overlay")
	must(t, err)
	for _, e := range entries {
		if len(e.Name()) == 64 {
			t.Errorf("layer %s was left", e.Name())
		}
	}
}

// TestPruneMeanwhile: pruning and removing images while builds run takes nothing that they use.
func TestPruneMeanwhile(t *testing.T) {
	cfg := setup(t)
	ctx := context.Background()
	dir := tree(t, "Dockerfile", "FROM scratch\nRUN write /base b\n")
	made(t, cfg, options(dir, "base"), &shell{})
	stop := make(chan struct{})
	var pruner sync.WaitGroup
	pruner.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := image.PruneBuildCache(ctx, cfg, steps.PruneOptions{All: true}); err != nil {
				t.Error(err)
			}
			if _, err := image.Remove(ctx, cfg, image.RemoveOptions{Images: []string{"result"}, Force: true}); err != nil {
				t.Error(err)
			}
		}
	})
	dir = tree(t, "Dockerfile", "FROM base\nRUN sleep 30\nRUN write /a a\nRUN have /a\nRUN have /base\n")
	for range 10 {
		if _, err := build.Build(ctx, cfg, options(dir, "result"), &shell{}, nil); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	pruner.Wait()
	clean(t, cfg)
}

// TestKeep: what the build cache has stays when images go, and the other way round.
func TestKeep(t *testing.T) {
	cfg := setup(t)
	ctx := context.Background()
	dir := tree(t, "Dockerfile", "FROM scratch\nRUN write /a a\nRUN write /b b\n")
	// With it a layer that is made again is the same one.
	o := options(dir, "x")
	o.CreatedAfter = new(int64)
	made(t, cfg, o, &shell{})
	_, err := image.Remove(ctx, cfg, image.RemoveOptions{Images: []string{"x"}})
	must(t, err)
	all, err := image.BuildCache(ctx, cfg)
	must(t, err)
	if len(all) != 2 || all[0].Shared || steps.Size(all) == 0 {
		t.Errorf("without the image: %+v", all)
	}
	if r, _ := made(t, cfg, o, &shell{}); r.Cached != 2 {
		t.Errorf("without the image: %+v", r)
	}
	if p, err := image.PruneBuildCache(ctx, cfg, steps.PruneOptions{}); err != nil || len(p.IDs) > 0 {
		t.Errorf("pruned what the image has: %+v, %v", p, err)
	}
	if p, err := image.PruneBuildCache(ctx, cfg, steps.PruneOptions{All: true}); err != nil || len(p.IDs) != 2 || p.Freed != 0 {
		t.Errorf("pruned %+v, %v", p, err)
	}
	if got := content(t, resolve(t, cfg, "x"), "a"); got != "a" {
		t.Errorf("the image has lost a file: %q", got)
	}
	// A layer whose files are gone is made anew.
	made(t, cfg, o, &shell{})
	img := resolve(t, cfg, "x")
	must(t, os.RemoveAll(img.Lower[0]))
	r, _ := made(t, cfg, o, &shell{})
	if r.Cached != 1 {
		t.Errorf("with a layer without files: %+v", r)
	}
	if got := content(t, resolve(t, cfg, "x"), "b"); got != "b" {
		t.Errorf("afterwards: %q", got)
	}
	clean(t, cfg)
}
