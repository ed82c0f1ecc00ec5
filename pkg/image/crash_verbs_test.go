package image_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/test/testns"
)

// upperDir is what a container has changed: many files.
func upperDir(t *testing.T, files int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range files {
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte(strings.Repeat("x", 5000)), 0o644))
	}
	return dir
}

// TestKilledVerbs kills the worker with SIGKILL at many moments of what changes the store. What was there before
// is there still, what was to be made is whole or not there, the next call works, and in the end nothing is left.
func TestKilledVerbs(t *testing.T) {
	const changed = 200
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000") // the same image each time
	ctx := context.Background()
	upper := upperDir(t, changed)
	big := tarOf(t, files{{"big", strings.Repeat("0123456789", 100000)}})
	second := build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{}, big, tarOf(t, files{{"b", "2"}}))
	archive, rootfs := write(t, second.dockerArchive(t, false, "localhost/new:1")), write(t, big)
	for _, verb := range []struct {
		name string
		do   func(cfg *config.Config) error
		// gone says that the verb takes the image away, else it makes it.
		gone bool
	}{
		{"commit", func(cfg *config.Config) error {
			_, err := image.Commit(ctx, cfg, image.CommitOptions{Base: resolve(t, cfg, "app:1").ID, Upper: upper, Name: "new:1", Format: image.FormatOCI, Quiet: true, Streams: quiet(t)})
			return err
		}, false},
		{"import", func(cfg *config.Config) error {
			_, err := image.Import(ctx, cfg, image.ImportOptions{Source: rootfs, Name: "new:1", Streams: quiet(t)})
			return err
		}, false},
		{"load", func(cfg *config.Config) error {
			_, err := image.Load(ctx, cfg, image.LoadOptions{Input: archive, Streams: quiet(t)})
			return err
		}, false},
		{"rmi", func(cfg *config.Config) error {
			_, err := image.Remove(ctx, cfg, image.RemoveOptions{Images: []string{"localhost/new:1"}, Ignore: true})
			return err
		}, true},
		{"prune", func(cfg *config.Config) error {
			_, err := image.Remove(ctx, cfg, image.RemoveOptions{Images: []string{"localhost/new:1"}, Ignore: true, Remains: true})
			return err
		}, true},
	} {
		t.Run(verb.name, func(t *testing.T) {
			prepare := func() *config.Config {
				cfg := setup(t)
				_, err := image.Load(ctx, cfg, image.LoadOptions{Input: write(t, twoLayers(t).dockerArchive(t, false, "app:1")), Streams: quiet(t)})
				must(t, err)
				if verb.gone {
					_, err := image.Load(ctx, cfg, image.LoadOptions{Input: archive, Streams: quiet(t)})
					must(t, err)
				}
				return cfg
			}
			cfg := prepare()
			start := time.Now()
			must(t, verb.do(cfg))
			whole := time.Since(start)
			const steps = 10
			for i := range steps {
				cfg := prepare()
				done := make(chan error, 1)
				go func() { done <- verb.do(cfg) }()
				time.Sleep(whole * time.Duration(i) / steps)
				for _, pid := range workers(t) {
					_ = unix.Kill(pid, unix.SIGKILL)
				}
				<-done
				check(t, resolve(t, cfg, "app:1"))
				wholeOrNot(t, cfg)
				must(t, verb.do(cfg))
				all, broken, err := image.List(ctx, cfg, image.ListOptions{}, nil)
				must(t, err)
				if want := map[bool]int{true: 1, false: 2}[verb.gone]; len(all) != want || len(broken) > 0 {
					t.Errorf("step %d: %d images, broken %v", i, len(all), broken)
				}
				if found, err := image.Check(ctx, cfg, image.CheckOptions{Max: time.Hour, Quick: true}); err != nil || len(found) > 0 {
					t.Errorf("step %d: %+v, %v", i, found, err)
				}
				empty(t, cfg)
				_, err = image.Remove(ctx, cfg, image.RemoveOptions{All: true, Remains: true})
				must(t, err)
				nothing(t, cfg)
			}
		})
	}
}

// wholeOrNot looks that an image which can be found has all its files.
func wholeOrNot(t *testing.T, cfg *config.Config) {
	t.Helper()
	ix, err := image.Read(context.Background(), cfg)
	must(t, err)
	e, err := ix.Find("localhost/new:1")
	if err != nil {
		return
	}
	img, err := ix.Load(e)
	must(t, err)
	entries, err := os.ReadDir(img.Lower[0])
	must(t, err)
	if n := len(entries); n != 1 && n != 200 {
		t.Errorf("%d files in the topmost layer", n)
	}
	if _, _, err := index.Raw(cfg, e.ID); err != nil {
		t.Error(err)
	}
}

// TestPullsAndPrunes: pulls, commits and prunes at once get in nobody's way.
func TestPullsAndPrunes(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t)
	for i := range 2 {
		r.put(t, fmt.Sprint(i), nil, build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{}, tarOf(t, files{{"base", strings.Repeat("x", 500000)}}), tarOf(t, files{{"n", fmt.Sprint(i)}})))
	}
	cfg := setup(t)
	stop, pruned := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				pruned <- nil
				return
			default:
			}
			if _, err := image.Remove(ctx, cfg, image.RemoveOptions{Remains: true}); err != nil {
				pruned <- err
				return
			}
		}
	}()
	results := make(chan error, 8)
	for i := range 8 {
		go func() {
			_, err := image.Pull(ctx, cfg, options(t, r.name(fmt.Sprintf("app:%d", i%2))))
			results <- err
		}()
	}
	for range 8 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	close(stop)
	must(t, <-pruned)
	for i := range 2 {
		if img := resolve(t, cfg, r.name(fmt.Sprintf("app:%d", i))); len(img.Lower) != 2 {
			t.Errorf("%+v", img)
		}
	}
	if found, err := image.Check(ctx, cfg, image.CheckOptions{Max: time.Hour}); err != nil || len(found) > 0 {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestReadOnly: on a file system that is read-only, what is there can be used, and what would change it
// says why it cannot.
func TestReadOnly(t *testing.T) {
	ctx := context.Background()
	cfg := setup(t)
	three(t, cfg)
	testns.Need(t, unix.Mount(cfg.DataRoot, cfg.DataRoot, "", unix.MS_BIND, ""))
	t.Cleanup(func() { _ = unix.Unmount(cfg.DataRoot, unix.MNT_DETACH) })
	testns.Need(t, unix.Mount("", cfg.DataRoot, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	if good, bad := listed(t, cfg); good != "abc" || bad != "" {
		t.Errorf("good %q, bad %q", good, bad)
	}
	resolve(t, cfg, "a:1")
	_, imported := image.Import(ctx, cfg, image.ImportOptions{Source: write(t, tarOf(t, files{{"x", "1"}})), Name: "x", Streams: quiet(t)})
	_, removed := image.Remove(ctx, cfg, image.RemoveOptions{Images: []string{"a:1"}})
	for _, err := range []error{imported, removed, image.Tag(ctx, cfg, "a:1", "other")} {
		if err == nil || !strings.Contains(err.Error(), "read-only file system") || !strings.Contains(err.Error(), cfg.DataRoot) {
			t.Errorf("%v", err)
		}
	}
	if good, bad := listed(t, cfg); good != "abc" || bad != "" {
		t.Errorf("afterwards: good %q, bad %q", good, bad)
	}
}
