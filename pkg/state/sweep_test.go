package state

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// TestFirstRemovals: whoever comes second to make trash/ removes its container all the same.
func TestFirstRemovals(t *testing.T) {
	for range 10 {
		r := newRoot(t)
		const n = 16
		start := make(chan struct{})
		var wait sync.WaitGroup
		for i := range n {
			name := fmt.Sprint("c", i)
			id := fmt.Sprintf("%064x", i+1)
			d, err := r.Create(id, name)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.WriteContainer(container(id, name, false)); err != nil {
				t.Fatal(err)
			}
			closed(t, d)
			wait.Go(func() {
				<-start
				if err := r.Remove(id); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		wait.Wait()
		if ids, err := r.IDs(""); err != nil || len(ids) != 0 {
			t.Fatal(ids, err)
		}
	}
}

func TestRace(t *testing.T) {
	r := newRoot(t)
	var won sync.Map
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			id, err := GenerateID()
			if err != nil {
				t.Error(err)
				return
			}
			d, err := r.Create(id, "same")
			switch {
			case errors.Is(err, errs.ErrExists):
			case err != nil:
				t.Error(err)
			default:
				won.Store(id, d)
				if err := d.WriteContainer(container(id, "same", true)); err != nil {
					t.Error(err)
				}
			}
			if _, err := r.Sweep(0); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	n := 0
	won.Range(func(_, d any) bool {
		n++
		closed(t, d.(*Dir))
		return true
	})
	// A sweep may have taken a directory between mkdir and flock; its creator made another.
	if err := r.EmptyTrash(t.Context()); err != nil {
		t.Error(err)
	}
	if got := files(t, r); n != 1 || len(got) != 3 {
		t.Errorf("%d have the name; there is %v", n, got)
	}
}

// TestSweepLate: who has read that a container does not run yet, and is slow, does not take it away once it does.
func TestSweepLate(t *testing.T) {
	r := newRoot(t)
	d := create(t, r, "c", true)
	path := filepath.Join(r.RunDir(d.ID), stateFile)
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	swept := make(chan error, 1)
	go func() {
		_, err := r.Sweep(0)
		swept <- err
	}()
	old, err := os.OpenFile(path, os.O_WRONLY, 0) // the sweep is about to read what was
	if err != nil {
		t.Fatal(err)
	}
	start, err := linux.StartTime(os.Getpid())
	if err == nil {
		err = r.WriteState(d.ID, &spec.State{ShimPID: os.Getpid(), ShimStart: start})
	}
	if err != nil {
		t.Fatal(err)
	}
	closed(t, d)
	if _, err := old.WriteString("{}"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(old.Close(), <-swept); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(r.Dir(d.ID)); err != nil {
		t.Errorf("a container that runs was swept: %v", err)
	}
}

func TestRaceOfProcesses(t *testing.T) {
	r := newRoot(t)
	var cmds []*exec.Cmd
	for range 20 {
		cmd := play(t, r, "race", "same")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	won := 0
	for _, cmd := range cmds {
		_ = cmd.Wait()
		switch code := cmd.ProcessState.ExitCode(); code {
		case 0:
			won++
		case 17:
		default:
			t.Errorf("exit code %d", code)
		}
	}
	if won != 1 {
		t.Errorf("%d have the name", won)
	}
}

func play(t *testing.T, r Root, step string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", append([]string{r.Data, r.Run}, args...)...)
	cmd.Env = append(os.Environ(), "RC_TEST_STATE="+step)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestKilled(t *testing.T) {
	for _, c := range []struct {
		step string
		left int    // what is there after the sweep besides trash
		want string // status of what is listed
	}{
		{"rundir", 0, ""},
		{"unnamed", 0, ""},
		{"named", 0, ""},
		{"half", 3, Created},
		{"recorded", 3, Created},
		{"started", 2, Exited},
		{"rm-recorded", 0, ""},
		{"rm-started", 0, ""},
		{"rm-trashed", 0, ""},
		{"trashed", 0, ""},
	} {
		t.Run(c.step, func(t *testing.T) {
			r := newRoot(t)
			id := newID(t)
			cmd := play(t, r, c.step, id, "victim")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
				t.Fatalf("creator says %q", line)
			}
			before := files(t, r)
			if swept, err := r.Sweep(0); len(swept) != 0 || err != nil {
				t.Errorf("Sweep of a living creator's: %+v, %v", swept, err)
			}
			if diff := cmp.Diff(before, files(t, r)); diff != "" {
				t.Errorf("Sweep took from a living creator: %s", diff)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			// A new runtime directory could be a creator's who is about to go on.
			old := time.Now().Add(-time.Hour)
			if err := os.Chtimes(r.RunDir(id), old, old); err != nil {
				t.Fatal(err)
			}
			swept, err := r.Sweep(0)
			if err != nil {
				t.Error(err)
			}
			// What a kept container had made for it is the user's to remove.
			if strings.HasSuffix(c.step, "trashed") {
				var want []string
				if c.step == "rm-trashed" {
					want = []string{"made"}
				}
				if len(swept) != 1 || swept[0].Removed != (want != nil) || !slices.Equal(swept[0].Volumes, want) {
					t.Errorf("swept %+v, volumes want %v", swept, want)
				}
			}
			var left []string
			for _, f := range files(t, r) {
				if !strings.HasPrefix(f, "data/trash/") {
					left = append(left, f)
				}
			}
			if len(left) != c.left {
				t.Errorf("left: %v", left)
			}
			e, err := r.Find("victim")
			if c.want == "" && !errors.Is(err, errs.ErrNotFound) || c.want != "" && (err != nil || e.Status != c.want) {
				t.Errorf("%+v %v", e, err)
			}
			if c.want == Exited && (e.Exit.Code != 137 || e.Exit.Finished.IsZero()) {
				t.Errorf("exit %+v", e.Exit)
			}
			if c.want == "" {
				closed(t, create(t, r, "victim", true))
			}
		})
	}
}

// TestKilledRemoval: a name that leads into trash/ goes with what lies there.
func TestKilledRemoval(t *testing.T) {
	r := newRoot(t)
	d := closed(t, create(t, r, "gone", false))
	closed(t, create(t, r, "stays", false))
	// As Remove does it; it is killed here.
	if err := r.trash(r.Dir(d.ID), d.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.EmptyTrash(t.Context()); err != nil {
		t.Fatal(err)
	}
	names, err := r.Names()
	if diff := cmp.Diff([]string{"stays"}, names); diff != "" || err != nil {
		t.Errorf("names: %s %v", diff, err)
	}
}

func TestNameOfGarbage(t *testing.T) {
	r := newRoot(t)
	d, err := r.Create(newID(t), "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Create(newID(t), "x"); !errors.Is(err, errs.ErrExists) {
		t.Errorf("while the creator lives: %v", err)
	}
	closed(t, d)
	closed(t, create(t, r, "x", true))
	if err := os.Symlink("../containers/gone", r.NamePath("y")); err != nil {
		t.Fatal(err)
	}
	closed(t, create(t, r, "y", true))
}

func TestSweepAfterBoot(t *testing.T) {
	r := newRoot(t)
	stays := closed(t, create(t, r, "stays", false))
	closed(t, create(t, r, "goes", true))
	d, err := r.Create(newID(t), "half")
	if err != nil {
		t.Fatal(err)
	}
	closed(t, d)
	if err := os.RemoveAll(r.Run); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Sweep(0); err != nil {
		t.Fatal(err)
	}
	es, broken := r.List()
	if len(es) != 1 || es[0].ID != stays.ID || broken != nil {
		t.Errorf("%v %v", es, broken)
	}
	links, err := os.ReadDir(filepath.Join(r.Data, "names"))
	if err != nil || len(links) != 1 {
		t.Errorf("names: %v %v", links, err)
	}
	if !r.TrashWaits(0) || r.TrashWaits(time.Hour) {
		t.Error("TrashWaits")
	}
	if err := r.EmptyTrash(t.Context()); err != nil || r.TrashWaits(0) {
		t.Errorf("EmptyTrash: %v", err)
	}
}

func TestEmptyTrashAtOnce(t *testing.T) {
	r := newRoot(t)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for j := range 10 {
				d := create(t, r, fmt.Sprintf("c%d_%d", i, j), true)
				if err := d.Discard(); err != nil {
					t.Error(err)
				}
				if err := r.EmptyTrash(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if got := files(t, r); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

func BenchmarkCreate(b *testing.B) {
	r := newRoot(b)
	for b.Loop() {
		closed(b, create(b, r, r.GenerateName(), true))
	}
}

func BenchmarkSweepOf50Running(b *testing.B) {
	r := newRoot(b)
	start, err := linux.StartTime(os.Getpid())
	if err != nil {
		b.Fatal(err)
	}
	for range 50 {
		d := closed(b, create(b, r, r.GenerateName(), true))
		if err := r.WriteState(d.ID, &spec.State{ShimPID: os.Getpid(), ShimStart: start}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := r.Sweep(0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList1000(b *testing.B) {
	r := newRoot(b)
	for range 1000 {
		closed(b, create(b, r, r.GenerateName(), false))
	}
	for b.Loop() {
		if es, _ := r.List(); len(es) != 1000 {
			b.Fatal(len(es))
		}
	}
}
