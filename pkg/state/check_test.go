package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

func age(t *testing.T, path string) {
	t.Helper()
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
}

// TestCheck damages the records of one of two containers in many ways: each is found, mended, and not found
// again; the other container is not touched.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, r Root, d *Dir)
		want   string // of what is found, "" for nothing
		lossy  bool
		// after are the names that lead to the container when it is mended, "" where it is gone.
		after string
	}{
		{"nothing", func(*testing.T, Root, *Dir) {}, "", false, "bad"},
		{"truncated", func(t *testing.T, r Root, d *Dir) { put(t, d.Path()+"/container.json", `{"id":`) }, "broken record", true, ""},
		{"emptied", func(t *testing.T, r Root, d *Dir) { put(t, d.Path()+"/container.json", "") }, "broken record", true, ""},
		{"another id", func(t *testing.T, r Root, d *Dir) {
			put(t, d.Path()+"/container.json", `{"id":"`+strings.Repeat("0", 64)+`","name":"bad"}`)
		}, "broken record", true, ""},
		{"no record", func(t *testing.T, r Root, d *Dir) {
			gone(t, d.Path()+"/container.json")
			age(t, d.Path())
		}, "directory without a record", false, ""},
		{"no summary", func(t *testing.T, r Root, d *Dir) { gone(t, d.Path()+"/summary.json") }, "summary.json is missing", false, "bad"},
		{"broken summary", func(t *testing.T, r Root, d *Dir) { put(t, d.Path()+"/summary.json", "{") }, "contradicts", false, "bad"},
		{"another summary", func(t *testing.T, r Root, d *Dir) {
			put(t, d.Path()+"/summary.json", `{"id":"`+d.ID+`","name":"other"}`)
		}, "contradicts", false, "bad"},
		{"broken end", func(t *testing.T, r Root, d *Dir) { put(t, d.Path()+"/exit.json", "{") }, "record of its end is broken", false, "bad"},
		{"no name", func(t *testing.T, r Root, d *Dir) { gone(t, r.NamePath("bad")) }, "does not lead to it", false, "bad"},
		{"stolen name", func(t *testing.T, r Root, d *Dir) {
			gone(t, r.NamePath("bad"))
			link(t, r, "bad", id(t, r, "good"))
		}, "leads to container", false, "bad"},
		{"two names", func(t *testing.T, r Root, d *Dir) { link(t, r, "more", d.ID) }, "which is called", false, "bad"},
		{"other name", func(t *testing.T, r Root, d *Dir) {
			gone(t, r.NamePath("bad"))
			link(t, r, "more", d.ID)
		}, "which is called", false, "bad"},
		{"name of nothing", func(t *testing.T, r Root, d *Dir) { link(t, r, "more", strings.Repeat("e", 64)) }, "leads to no container", false, "bad"},
		{"odd name", func(t *testing.T, r Root, d *Dir) { put(t, r.NamePath("more"), "") }, "not a link", false, "bad"},
		{"temporary", func(t *testing.T, r Root, d *Dir) { age(t, put(t, d.Path()+"/container.json.4711", "{")) }, "began to write", false, "bad"},
		{"being written", func(t *testing.T, r Root, d *Dir) { put(t, d.Path()+"/container.json.4711", "{") }, "", false, "bad"},
		{"runtime of nothing", func(t *testing.T, r Root, d *Dir) {
			age(t, filepath.Dir(put(t, r.RunDir(strings.Repeat("e", 64))+"/x", "")))
		}, "of no container", false, "bad"},
		{"runtime", func(t *testing.T, r Root, d *Dir) { age(t, filepath.Dir(put(t, d.RunPath()+"/x", ""))) }, "does not run", false, "bad"},
		{"broken run", func(t *testing.T, r Root, d *Dir) { put(t, d.RunPath()+"/state.json", "{") }, "record of its run is broken", false, "bad"},
		{"stopped", func(t *testing.T, r Root, d *Dir) { age(t, put(t, d.RunPath()+"/.stopped.123", "")) }, "began to write", false, "bad"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoot(t)
			closed(t, create(t, r, "good", false))
			d := closed(t, create(t, r, "bad", false))
			for _, dir := range []string{r.RunDir(id(t, r, "good")), d.RunPath()} { // as rc create leaves them
				gone(t, dir)
			}
			c.damage(t, r, d)
			found, err := r.Check()
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, f := range found {
				said = append(said, f.Object+": "+f.Problem)
				if f.Lossy != c.lossy {
					t.Errorf("%s: lossy is %v", f.Problem, f.Lossy)
				}
				if err := f.Mend(); err != nil {
					t.Errorf("mend %s: %v", f.Problem, err)
				}
			}
			if all := strings.Join(said, "\n"); c.want == "" && all != "" || !strings.Contains(all, c.want) {
				t.Errorf("found %q, want %q", all, c.want)
			}
			again, err := r.Check()
			if err != nil || len(again) > 0 {
				t.Errorf("again: %v %+v", err, again)
			}
			if e, err := r.Find("good"); err != nil || e.Name != "good" {
				t.Errorf("the other one: %v", err)
			}
			names, err := r.namesOf(d.ID)
			if err != nil || strings.Join(names, " ") != c.after {
				t.Errorf("names %v, want %q, %v", names, c.after, err)
			}
			if e, err := r.Find("bad"); c.after != "" && (err != nil || e.ID != d.ID) || c.after == "" && !errors.Is(err, errs.ErrNotFound) {
				t.Errorf("%+v %v", e, err)
			}
		})
	}
}

func gone(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

func id(t *testing.T, r Root, name string) string {
	t.Helper()
	id, err := r.FindID(name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func link(t *testing.T, r Root, name, id string) {
	t.Helper()
	if err := os.Symlink(linkTarget(id), r.NamePath(name)); err != nil {
		t.Fatal(err)
	}
}

// TestCheckTaken: a container whose name became another's gets one of its own.
func TestCheckTaken(t *testing.T) {
	r := newRoot(t)
	d := closed(t, create(t, r, "same", false))
	gone(t, r.NamePath("same"))
	other := closed(t, create(t, r, "same", false))
	found, err := r.Check()
	if err != nil || len(found) != 1 {
		t.Fatalf("%+v %v", found, err)
	}
	if err := found[0].Mend(); err != nil {
		t.Fatal(err)
	}
	if found, err = r.Check(); err != nil || len(found) > 0 {
		t.Errorf("%+v %v", found, err)
	}
	if e, err := r.Find("same"); err != nil || e.ID != other.ID {
		t.Errorf("%+v %v", e, err)
	}
	if e, err := r.Find("same-" + d.ID[:8]); err != nil || e.ID != d.ID {
		t.Errorf("%+v %v", e, err)
	}
}

// TestCheckLiving: what living processes are in the middle of is not found.
func TestCheckLiving(t *testing.T) {
	r := newRoot(t)
	d, err := r.Create(newID(t), "making")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	running := closed(t, create(t, r, "running", false))
	start, err := linux.StartTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.WriteState(running.ID, &spec.State{ShimPID: os.Getpid(), ShimStart: start}); err != nil {
		t.Fatal(err)
	}
	waiting := closed(t, create(t, r, "waiting", true))
	gone(t, waiting.RunPath())
	if found, err := r.Check(); err != nil || len(found) > 0 {
		t.Errorf("%+v %v", found, err)
	}
}
