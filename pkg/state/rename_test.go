package state

import (
	"errors"
	"fmt"
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
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// namesIn are the names that there are, sorted.
func namesIn(t testing.TB, r Root) string {
	t.Helper()
	links, err := os.ReadDir(r.namesDir())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range links {
		names = append(names, l.Name())
	}
	return strings.Join(names, " ")
}

func TestRename(t *testing.T) {
	for _, remove := range []bool{false, true} {
		r := newRoot(t)
		d := closed(t, create(t, r, "old", remove))
		closed(t, create(t, r, "taken", false))
		for _, c := range []struct {
			name string
			want error
		}{{"taken", errs.ErrExists}, {"old", errs.ErrExists}, {"-x", errs.ErrInvalid}, {"", errs.ErrInvalid}, {"new", nil}} {
			old, err := r.Rename(d.ID, c.name)
			if !errors.Is(err, c.want) || err == nil && old != "old" {
				t.Errorf("to %q: %q %v, want %v", c.name, old, err, c.want)
			}
		}
		if got := namesIn(t, r); got != "new taken" {
			t.Errorf("names %q", got)
		}
		e, err := r.Find("new")
		if err != nil || e.ID != d.ID || e.Name != "new" {
			t.Errorf("%+v %v", e, err)
		}
		if c, err := r.Load(d.ID); err != nil || c.Name != "new" || c.Remove != remove {
			t.Errorf("%+v %v", c, err)
		}
		if _, err := r.Find("old"); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("by the old name: %v", err)
		}
		// A shim that has not heard of it frees the new name all the same.
		if err := r.Discard(d.ID, "old"); err != nil {
			t.Error(err)
		}
		if got := namesIn(t, r); got != "taken" {
			t.Errorf("names %q after the removal", got)
		}
		if _, err := r.Rename(d.ID, "x"); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("of what is gone: %v", err)
		}
	}
}

func TestRenameWhileCreated(t *testing.T) {
	r := newRoot(t)
	d := create(t, r, "old", false)
	if _, err := r.Rename(d.ID, "new"); !errors.Is(err, errs.ErrInUse) {
		t.Errorf("while it is made: %v", err)
	}
	start, err := linux.StartTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	// Its creator is still there, as that of a container in the foreground.
	if err := r.WriteState(d.ID, &spec.State{ShimPID: os.Getpid(), ShimStart: start, Started: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rename(d.ID, "new"); err != nil {
		t.Error(err)
	}
	closed(t, d)
}

// TestRenameKilled: after each step both names lead to the container, a second rename mends
// it in either direction, and a removal frees both.
func TestRenameKilled(t *testing.T) {
	steps := map[string]func(Root, *spec.Container) error{
		"reserved": func(r Root, c *spec.Container) error { return r.reserve("new", c.ID) },
		"half recorded": func(r Root, c *spec.Container) error {
			c.Name = "new"
			return errors.Join(r.reserve("new", c.ID), writeRecord(filepath.Join(r.Dir(c.ID), containerFile), c, false))
		},
		"recorded": func(r Root, c *spec.Container) error {
			c.Name = "new"
			return errors.Join(r.reserve("new", c.ID), r.record(c))
		},
	}
	for step, play := range steps {
		for _, then := range []string{"new", "old", "third", "rm"} {
			r := newRoot(t)
			d := closed(t, create(t, r, "old", false))
			c, err := r.Load(d.ID)
			if err != nil {
				t.Fatal(err)
			}
			if err := play(r, c); err != nil {
				t.Fatal(step, err)
			}
			for _, name := range []string{"old", "new"} {
				if e, err := r.Find(name); err != nil || e.ID != d.ID {
					t.Errorf("%s: Find(%q): %+v %v", step, name, e, err)
				}
				if _, err := r.Create(newID(t), name); !errors.Is(err, errs.ErrExists) {
					t.Errorf("%s: name %q: %v", step, name, err)
				}
			}
			if then == "rm" {
				if err := r.Remove(d.ID); err != nil {
					t.Error(step, err)
				}
				closed(t, create(t, r, "old", true))
				closed(t, create(t, r, "new", true))
				continue
			}
			if _, err := r.Rename(d.ID, then); err != nil {
				t.Errorf("%s, then %s: %v", step, then, err)
			}
			e, err := r.Find(then)
			if got := namesIn(t, r); got != then || err != nil || e.Name != then {
				t.Errorf("%s, then %s: names %q, %+v %v", step, then, got, e, err)
			}
		}
	}
}

// TestRenameRaces: many rename, create and remove at once; each name has one owner at most,
// and each container in the end the one name that its record says.
func TestRenameRaces(t *testing.T) {
	r := newRoot(t)
	var got atomic.Int32
	var wait sync.WaitGroup
	var ids []string
	for i := range 8 {
		d := closed(t, create(t, r, fmt.Sprintf("c%d", i), false))
		ids = append(ids, d.ID)
		wait.Go(func() {
			switch _, err := r.Rename(d.ID, "prize"); {
			case err == nil:
				got.Add(1)
			case !errors.Is(err, errs.ErrExists):
				t.Error(err)
			}
		})
	}
	wait.Go(func() {
		if d, err := r.Create(newID(t), "prize"); err == nil {
			got.Add(1)
			err = errors.Join(d.WriteContainer(container(d.ID, "prize", true)), d.Close())
			if err != nil {
				t.Error(err)
			}
		} else if !errors.Is(err, errs.ErrExists) {
			t.Error(err)
		}
	})
	wait.Wait()
	if got.Load() != 1 {
		t.Errorf("%d got the name", got.Load())
	}
	// One container, many new names, and its removal.
	for i := range 8 {
		wait.Go(func() {
			if _, err := r.Rename(ids[0], fmt.Sprintf("n%d", i)); err != nil && !errors.Is(err, errs.ErrNotFound) && !errors.Is(err, errs.ErrInUse) {
				t.Error(err) // in use: the removal holds it
			}
			if err := r.Update(ids[1], func(c *spec.Container) error { c.Labels = map[string]string{"n": fmt.Sprint(i)}; return nil }); err != nil {
				t.Error(err)
			}
			if _, err := r.Rename(ids[1], fmt.Sprintf("m%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Go(func() {
		for {
			if err := r.Remove(ids[0]); !errors.Is(err, errs.ErrInUse) {
				if err != nil {
					t.Error(err)
				}
				return
			}
		}
	})
	wait.Wait()
	if _, err := r.SweepAll(); err != nil {
		t.Error(err)
	}
	entries, broken := r.List()
	var want []string
	for _, e := range entries {
		want = append(want, e.Name)
	}
	slices.Sort(want)
	if diff := cmp.Diff(strings.Join(want, " "), namesIn(t, r)); diff != "" || broken != nil || slices.Contains(want, "") {
		t.Errorf("%v %s", broken, diff)
	}
}

func TestUpdate(t *testing.T) {
	r := newRoot(t)
	d := closed(t, create(t, r, "x", false))
	refused := errors.New("no")
	for _, c := range []struct {
		change func(*spec.Container) error
		ok     bool
	}{
		{func(c *spec.Container) error { c.StopTimeout = 7; return refused }, false},
		{func(c *spec.Container) error { c.Name = "y"; return nil }, false},
		{func(c *spec.Container) error { c.StopTimeout, c.Restart.Policy = 9, "always"; return nil }, true},
	} {
		if err := r.Update(d.ID, c.change); (err == nil) != c.ok {
			t.Error(err)
		}
	}
	c, err := r.Load(d.ID)
	if err != nil || c.StopTimeout != 9 || c.Name != "x" {
		t.Errorf("%+v %v", c, err)
	}
	if e, err := r.Find("x"); err != nil || e.Restart != "always" {
		t.Errorf("%+v %v", e, err)
	}
	if err := r.Update(newID(t), func(*spec.Container) error { return nil }); !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
}

// TestHold: who starts a container and who removes it do not meet.
func TestHold(t *testing.T) {
	r := newRoot(t)
	d := closed(t, create(t, r, "x", false))
	hold, err := r.Hold(d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Hold(d.ID); !errors.Is(err, errs.ErrInUse) {
		t.Errorf("a second hold: %v", err)
	}
	if err := r.Remove(d.ID); !errors.Is(err, errs.ErrInUse) {
		t.Errorf("Remove of what is held: %v", err)
	}
	if err := errors.Join(hold.Close(), r.Remove(d.ID)); err != nil {
		t.Error(err)
	}
	if _, err := r.Hold(d.ID); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("after the removal: %v", err)
	}
}
