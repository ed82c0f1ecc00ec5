package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// The containers of lifeMain.
const (
	kept  = "1111111111111111111111111111111111111111111111111111111111111111"
	brief = "2222222222222222222222222222222222222222222222222222222222222222"
)

// lifeMain does to the records what a container's life does, and says what it begins and what it
// has done: from then on somebody may count on it.
func lifeMain(r Root, scenario string) int {
	steps := map[string]func() error{}
	order := []string{"create", "start", "end", "start", "update", "end", "rename", "remove"}
	id, name := kept, "kept"
	if scenario == "rm" {
		id, name, order = brief, "brief", []string{"create", "start", "end", "discard"}
	}
	start, err := linux.StartTime(os.Getpid())
	if err != nil {
		return 1
	}
	life := 0
	at := func() time.Time { return time.Unix(1_700_000_000+int64(life), 0).UTC() }
	steps["create"] = func() error {
		d, err := r.Create(id, name)
		if err != nil {
			return err
		}
		c := container(id, name, scenario == "rm")
		c.Created = time.Unix(1_600_000_000, 0).UTC()
		if err := d.WriteContainer(c); err != nil {
			return err
		}
		// A started container has these, which are synced by nobody.
		for _, dir := range []string{"upper", "work"} {
			if err := os.Mkdir(filepath.Join(d.Path(), dir), 0o700); err != nil {
				return err
			}
		}
		return d.Close()
	}
	steps["start"] = func() error {
		life++
		if err := mkdir(r.RunDir(id)); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		return errors.Join(
			r.WriteExit(id, &spec.Exit{Code: lostCode, Started: at(), PID: os.Getpid()}),
			r.WriteState(id, &spec.State{ShimPID: os.Getpid(), ShimStart: start, PID: os.Getpid(), PIDStart: start, Started: at()}))
	}
	steps["end"] = func() error {
		err := r.WriteExit(id, &spec.Exit{Code: 3, Started: at(), Finished: at().Add(time.Second)})
		if scenario != "rm" { // there, that is Discard's
			err = errors.Join(err, os.RemoveAll(r.RunDir(id)))
		}
		return err
	}
	steps["update"] = func() error {
		return r.Update(id, func(c *spec.Container) error {
			c.Labels = map[string]string{"updated": "yes"}
			return nil
		})
	}
	steps["rename"] = func() error {
		_, err := r.Rename(id, "renamed")
		return err
	}
	steps["remove"] = func() error { return r.Remove(id) }
	steps["discard"] = func() error { return r.Discard(id, name) }
	for _, step := range order {
		fmt.Fprintln(os.Stdout, "begin", step)
		if err := steps[step](); err != nil {
			fmt.Fprintln(os.Stdout, step, err)
			return 1
		}
		fmt.Fprintln(os.Stdout, "done", step)
	}
	return 0
}

// TestPowerCut cuts the power after each operation of a container's life, with and without what was not
// synced by then, and kills the process there. Nothing is broken then, nothing runs, what was
// acknowledged is there, and what is left over can be mended.
func TestPowerCut(t *testing.T) {
	for _, scenario := range []string{"kept", "rm"} {
		t.Run(scenario, func(t *testing.T) {
			dir := t.TempDir()
			ops := trace(t, dir, scenario)
			seen := map[string]bool{}
			cases := 0
			for n := range len(ops) + 1 {
				for _, set := range lost(ops[:n]) {
					for _, all := range []bool{true, false} {
						c := &crash{ops: ops[:n], disk: cut(dir, ops[:n], set), files: contents(ops[:n], all)}
						c.killed = all && len(set) == 0
						key := progress(c.ops) + c.disk.fingerprint(c.files)
						if seen[key] {
							continue
						}
						seen[key] = true
						cases++
						if wrong := c.wrong(t, scenario); len(wrong) > 0 {
							t.Fatalf("cut after operation %d of %d, lost %v, data lost: %v:\n%s\nthe disk was:\n%s\noperations:\n%s", n, len(ops),
								set, !all, strings.Join(wrong, "\n"), c.disk.fingerprint(c.files), listing(c.ops))
						}
					}
				}
			}
			t.Logf("%d operations, %d cases", len(ops), cases)
			if cases < 30 {
				t.Error("so few")
			}
		})
	}
}

// crash is one moment at which the power goes.
type crash struct {
	ops   []op
	disk  *disk
	files map[int][]byte
	// killed says that nothing is lost, so that it can be the process that was killed, and the power stays.
	killed bool
}

// wrong is what is wrong afterwards.
func (c *crash) wrong(t *testing.T, scenario string) []string {
	t.Helper()
	data, run := c.disk.root.dir["data"], c.disk.root.dir["run"]
	var all []string
	for _, withRun := range []bool{false, true} {
		if withRun && (!c.killed || run == nil) {
			continue
		}
		dir, err := os.MkdirTemp(memory(), "rc-powercut.") //nolint:usetesting // in memory
		if err != nil {
			t.Fatal(err)
		}
		r := Root{Data: filepath.Join(dir, "data"), Run: filepath.Join(dir, "run")}
		if data != nil {
			(&disk{data}).write(t, r.Data, c.files)
		}
		if withRun {
			(&disk{run}).write(t, r.Run, c.files)
		}
		all = append(all, aftermath(t, r, scenario, progress(c.ops))...)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}
	return all
}

// memory is a directory where thousands of small files cost little.
func memory() string {
	if unix.Access("/dev/shm", unix.W_OK) == nil {
		return "/dev/shm"
	}
	return ""
}

// cut is the disk below dir after ops without those that were lost; the runtime directory goes with the power.
func cut(dir string, ops []op, without map[int]bool) *disk {
	d := &disk{&node{dir: map[string]*node{}}}
	for i, o := range ops {
		if !without[i] && o.kind != "say" && o.path != dir {
			o.path = strings.TrimPrefix(o.path, dir)
			if o.kind == "rename" {
				o.to = strings.TrimPrefix(o.to, dir)
			}
			d.apply(i, o)
		}
	}
	return d
}

func listing(ops []op) string {
	var b strings.Builder
	for i, o := range ops {
		fmt.Fprintf(&b, "%3d %s %s %s\n", i, o.kind, o.path, o.to)
	}
	return b.String()
}

// progress is what the process had said last.
func progress(ops []op) string {
	said := ""
	for _, o := range ops {
		if o.kind == "say" {
			said = o.to
		}
	}
	return said
}

// aftermath is the next boot: what is wrong then.
func aftermath(t *testing.T, r Root, scenario, said string) []string {
	t.Helper()
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	sound := func(when string) []Entry {
		entries, broken := r.List()
		if len(broken) > 0 {
			complain("%s: %v", when, broken)
		}
		for _, e := range entries {
			if e.Status == Running || e.Alive() {
				complain("%s: %s is %s", when, e.Name, e.Status)
			}
			if len(e.Command) != 2 || e.Image == "" {
				complain("%s: half a container: %+v", when, e)
			}
		}
		return entries
	}
	sound("at once")
	if _, err := r.Sweep(0); err != nil {
		complain("sweep: %v", err)
	}
	entries := sound("after a sweep")
	wrong = append(wrong, expected(r, entries, scenario, said, false)...)
	mendAll(t, r, complain)
	entries = sound("after mending")
	wrong = append(wrong, expected(r, entries, scenario, said, true)...)
	if err := r.EmptyTrash(t.Context()); err != nil {
		complain("trash: %v", err)
	}
	// All names that are not a container's can be had.
	for _, name := range []string{"kept", "renamed", "brief"} {
		d, err := r.Create(newID(t), name)
		taken := slices.ContainsFunc(entries, func(e Entry) bool { return e.Name == name })
		if taken != errors.Is(err, errs.ErrExists) || err != nil && !taken {
			complain("name %q: taken %v, %v", name, taken, err)
		}
		if err == nil {
			err = d.Discard()
		}
		if err != nil && !taken {
			complain("discard: %v", err)
		}
	}
	return wrong
}

// mendAll mends what Check finds; then it finds nothing more.
func mendAll(t *testing.T, r Root, complain func(string, ...any)) {
	t.Helper()
	found, err := r.Check()
	if err != nil {
		complain("check: %v", err)
	}
	for _, f := range found {
		if f.Lossy {
			complain("check: %s: %s: a container would be lost", f.Object, f.Problem)
		}
		if err := f.Mend(); err != nil {
			complain("mend %s: %s: %v", f.Object, f.Problem, err)
		}
	}
	again, err := r.Check()
	if err != nil {
		complain("second check: %v", err)
	}
	for _, f := range again {
		complain("second check: %s: %s", f.Object, f.Problem)
	}
}

// expected compares the containers with what was acknowledged.
func expected(r Root, entries []Entry, scenario, said string, mended bool) []string {
	if scenario == "rm" {
		if len(entries) > 0 {
			return []string{"a container with Remove is left"}
		}
		return nil
	}
	word, step, _ := strings.Cut(said, " ")
	var may []string // the names that it may have, "" where it may be gone
	switch {
	case step == "" || step == "create" && word == "begin":
		may = []string{"kept", ""}
	case step == "rename" && word == "begin":
		may = []string{"kept", "renamed"}
	case step == "rename":
		may = []string{"renamed"}
	case step == "remove": // is not synced
		may = []string{"renamed", ""}
	default:
		may = []string{"kept"}
	}
	var e Entry
	if len(entries) > 0 {
		e = entries[0]
	}
	var wrong []string
	if len(entries) > 1 || !slices.Contains(may, e.Name) {
		wrong = append(wrong, fmt.Sprintf("%d containers, called %q; want one of %q", len(entries), e.Name, may))
	}
	if len(entries) == 0 {
		return wrong
	}
	// What is not acknowledged, and what is being removed, may have lost its name: mending links it again.
	excused := !mended && (step == "remove" || said == "begin create")
	if found, err := r.Find(e.Name); (err != nil || found.ID != e.ID) && !excused {
		wrong = append(wrong, fmt.Sprintf("find: %v", err))
	}
	if step == "create" && e.Status != Created {
		wrong = append(wrong, fmt.Sprintf("it is %s before any start", e.Status))
	}
	return wrong
}
