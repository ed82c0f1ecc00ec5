package volume

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

func root(t *testing.T) Root { return Root{Data: t.TempDir()} }

func unused() error { return nil }

func create(t *testing.T, r Root, name string) {
	t.Helper()
	if err := r.Create(spec.Volume{Name: name, Driver: spec.DriverLocal}, true, true); err != nil {
		t.Fatal(err)
	}
}

func TestCreate(t *testing.T) {
	r := root(t)
	if names, err := r.Names(); err != nil || len(names) > 0 {
		t.Errorf("%v %v", names, err)
	}
	want := spec.Volume{
		Name: "a", Driver: "local", Created: time.Unix(5, 0).UTC(), Labels: map[string]string{"k": "v"}, Options: map[string]string{"o": "nocopy"},
	}
	if err := r.Create(want, false, true); err != nil {
		t.Fatal(err)
	}
	got, err := r.Load("a")
	if err != nil || !cmp.Equal(&want, got) {
		t.Errorf("%v %s", err, cmp.Diff(&want, got))
	}
	if r.Unfilled("a") {
		t.Error("unfilled, and it should not be")
	}
	if err := r.Create(want, false, false); !errors.Is(err, errs.ErrExists) {
		t.Errorf("again: %v", err)
	}
	if err := r.Create(spec.Volume{Name: "a/b"}, true, false); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("a/b: %v", err)
	}
	create(t, r, "ab")
	create(t, r, "ac")
	if name, err := r.Find("ab"); err != nil || name != "ab" {
		t.Errorf("%v %v", name, err)
	}
	if name, err := r.Find("a"); err != nil || name != "a" {
		t.Errorf("%v %v", name, err)
	}
	create(t, r, "xyz")
	if name, err := r.Find("x"); err != nil || name != "xyz" {
		t.Errorf("%v %v", name, err)
	}
	create(t, r, "xya")
	if _, err := r.Find("xy"); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("two that begin so: %v", err)
	}
	if _, err := r.Find("nothere"); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("nothere: %v", err)
	}
	entries, err := os.ReadDir(r.dir())
	if err != nil || len(entries) != 5 {
		t.Errorf("left over: %v %v", entries, err)
	}
}

// TestCreateAtOnce holds that of several makers one makes the volume.
func TestCreateAtOnce(t *testing.T) {
	r := root(t)
	var made atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			f, isNew, err := r.Hold("v", func() error { return r.Create(spec.Volume{Name: "v"}, true, false) })
			if err != nil {
				t.Error(err)
				return
			}
			if isNew {
				made.Add(1)
			}
			f.Close()
		})
	}
	wait.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
}

func TestBroken(t *testing.T) {
	r := root(t)
	create(t, r, "good")
	create(t, r, "bad")
	if err := os.WriteFile(filepath.Join(r.Dir("bad"), recordFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, broken := r.List()
	if len(list) != 1 || list[0].Name != "good" || len(broken) != 1 {
		t.Fatalf("%v %v", list, broken)
	}
	if b, ok := errors.AsType[*BrokenError](broken[0]); !ok || b.Name != "bad" {
		t.Error(broken[0])
	}
	if err := r.Mend("bad"); err != nil {
		t.Fatal(err)
	}
	if list, broken = r.List(); len(list) != 2 || len(broken) != 0 {
		t.Errorf("%v %v", list, broken)
	}
}

func TestRemove(t *testing.T) {
	r := root(t)
	held, _, err := r.Hold("v", func() error { return r.Create(spec.Volume{Name: "v"}, true, false) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Remove("v", unused); !errors.Is(err, errs.ErrInUse) {
		t.Errorf("held: %v", err)
	}
	held.Close()
	used := errors.New("used")
	if _, err := r.Remove("v", func() error { return used }); !errors.Is(err, used) {
		t.Errorf("used: %v", err)
	}
	trashed, err := r.Remove("v", unused)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(trashed, dataDir)); err != nil {
		t.Error(err)
	}
	if _, err := r.Remove("v", unused); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("gone: %v", err)
	}
	long := strings.Repeat("n", 255)
	create(t, r, long)
	if _, err := r.Remove(long, unused); err != nil {
		t.Error(err)
	}
}

// TestSweep holds that what a killed maker left goes, and what a living one makes stays.
func TestSweep(t *testing.T) {
	r := root(t)
	create(t, r, "v")
	for _, name := range []string{"dead", "busy", "young"} {
		dir := filepath.Join(r.dir(), making+name)
		if err := os.MkdirAll(filepath.Join(dir, dataDir), 0o700); err != nil {
			t.Fatal(err)
		}
		if name == "young" {
			continue
		}
		old := time.Now().Add(-time.Minute)
		if err := os.Chtimes(dir, old, old); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := os.Open(filepath.Join(r.dir(), making+"busy"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := flock(lock, 2); err != nil {
		t.Fatal(err)
	}
	if err := r.Sweep(); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(r.dir())
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := []string{making + "busy", making + "young", "v"}; err != nil || !slices.Equal(left, want) {
		t.Errorf("%v %v", left, err)
	}
}

// put is a copy of one file.
func put(name string) func(string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), nil, 0o600) }
}

func content(t *testing.T, r Root, name string) []string {
	t.Helper()
	entries, err := os.ReadDir(r.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestFill(t *testing.T) {
	r := root(t)
	create(t, r, "v")
	failed := errors.New("disk full")
	err := r.Fill("v", Filling{Copy: func(dir string) error { return errors.Join(put("half")(dir), failed) }})
	if !errors.Is(err, failed) || !r.Unfilled("v") || len(content(t, r, "v")) > 0 {
		t.Errorf("a copy that fails: %v, unfilled %v, %v", err, r.Unfilled("v"), content(t, r, "v"))
	}
	// As SIGKILL in the midst of it leaves it.
	if err := os.MkdirAll(filepath.Join(r.Dir("v"), fillDir, "half"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := r.Fill("v", Filling{Copy: put("a"), Durable: true}); err != nil {
		t.Fatal(err)
	}
	if got := content(t, r, "v"); !slices.Equal(got, []string{"a"}) || r.Unfilled("v") {
		t.Errorf("%v, unfilled %v", got, r.Unfilled("v"))
	}
	if err := r.Fill("v", Filling{Copy: put("b")}); err != nil || len(content(t, r, "v")) != 1 {
		t.Errorf("a second time: %v %v", err, content(t, r, "v"))
	}
	entries, err := os.ReadDir(r.Dir("v"))
	if err != nil || len(entries) != 2 {
		t.Errorf("left over: %v %v", entries, err)
	}
	create(t, r, "full")
	if err := put("mine")(r.Path("full")); err != nil {
		t.Fatal(err)
	}
	if err := r.Fill("full", Filling{Copy: put("a")}); err != nil || !slices.Equal(content(t, r, "full"), []string{"mine"}) || r.Unfilled("full") {
		t.Errorf("not empty: %v %v", err, content(t, r, "full"))
	}
	create(t, r, "no")
	if err := r.Fill("no", Filling{}); err != nil || r.Unfilled("no") || len(content(t, r, "no")) > 0 {
		t.Errorf("nothing to be copied: %v %v", err, content(t, r, "no"))
	}
}

// TestFillAtOnce holds that one fills and all find it filled.
func TestFillAtOnce(t *testing.T) {
	r := root(t)
	create(t, r, "v")
	var copies atomic.Int32
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			err := r.Fill("v", Filling{Copy: func(dir string) error {
				copies.Add(1)
				time.Sleep(10 * time.Millisecond)
				return put("a")(dir)
			}})
			if entries, readErr := os.ReadDir(r.Path("v")); err != nil || readErr != nil || len(entries) != 1 {
				t.Errorf("%v %v %v", err, readErr, entries)
			}
		})
	}
	wait.Wait()
	if copies.Load() != 1 {
		t.Errorf("copied %d times", copies.Load())
	}
}
