package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// TestMain plays creators that are killed: RC_TEST_STATE is the step to stop at.
func TestMain(m *testing.M) {
	if step := os.Getenv("RC_TEST_STATE"); step != "" {
		r := Root{Data: os.Args[1], Run: os.Args[2]}
		switch step {
		case "race":
			unix.Exit(raceMain(r, os.Args[3]))
		case "life":
			unix.Exit(lifeMain(r, os.Args[3]))
		}
		if err := stopAt(r, step, os.Args[3], os.Args[4]); err != nil {
			fmt.Fprintln(os.Stdout, err)
			unix.Exit(1)
		}
		fmt.Fprintln(os.Stdout, "ready")
		time.Sleep(time.Minute)
	}
	m.Run()
}

// stopAt goes as far as a step, as Create and the shim do.
func stopAt(r Root, step, id, name string) error {
	switch step {
	case "rundir":
		return mkdir(r.RunDir(id))
	case "unnamed":
		if err := mkdir(r.RunDir(id)); err != nil {
			return err
		}
		return (&Dir{ID: id, Name: name, root: r}).makeLocked()
	}
	d, err := r.Create(id, name)
	if err != nil || step == "named" {
		return err
	}
	if step == "half" {
		return writeRecord(filepath.Join(d.Path(), containerFile), container(id, name, false), false)
	}
	c := container(id, name, strings.HasPrefix(step, "rm-"))
	c.OCI.Mounts = []specs.Mount{{Type: spec.TypeVolume, Source: "made", Destination: "/v", Options: []string{spec.OptAnonymous}}}
	if err := d.WriteContainer(c); err != nil || strings.HasSuffix(step, "recorded") {
		return err
	}
	start, err := linux.StartTime(os.Getpid())
	if err != nil {
		return err
	}
	err = r.WriteState(id, &spec.State{ShimPID: os.Getpid(), ShimStart: start, PID: os.Getpid(), Started: time.Now()})
	if err != nil || !strings.HasSuffix(step, "trashed") {
		return err
	}
	return r.trash(d.Path(), id)
}

func raceMain(r Root, name string) int {
	id, err := GenerateID()
	if err != nil {
		return 1
	}
	d, err := r.Create(id, name)
	if errors.Is(err, errs.ErrExists) {
		return 17
	}
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		return 1
	}
	if err := d.WriteContainer(container(id, name, true)); err != nil {
		return 1
	}
	return 0
}

func container(id, name string, remove bool) *spec.Container {
	return &spec.Container{
		ID: id, Name: name, Created: time.Now().Round(0), Remove: remove,
		Image: spec.Image{ID: "abc", Name: "docker.io/library/alpine:latest"},
		OCI:   specs.Spec{Process: &specs.Process{Args: []string{"sleep", "1"}}},
	}
}

func newRoot(t testing.TB) Root {
	dir := t.TempDir()
	return Root{Data: filepath.Join(dir, "data"), Run: filepath.Join(dir, "run")}
}

func newID(t testing.TB) string {
	id, err := GenerateID()
	if err != nil || !isID(id) {
		t.Fatal(id, err)
	}
	return id
}

func create(t testing.TB, r Root, name string, remove bool) *Dir {
	t.Helper()
	d, err := r.Create(newID(t), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WriteContainer(container(d.ID, name, remove)); err != nil {
		t.Fatal(err)
	}
	return d
}

func closed(t testing.TB, d *Dir) *Dir {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return d
}

// files is what there is below both roots.
func files(t testing.TB, r Root) []string {
	t.Helper()
	var out []string
	for _, root := range []string{r.Data, r.Run} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if rel, _ := filepath.Rel(filepath.Dir(r.Data), path); strings.Count(rel, "/") == 2 {
				out = append(out, rel)
			}
			return nil
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return out
}

func TestCreate(t *testing.T) {
	r := newRoot(t)
	if es, broken := r.List(); es != nil || broken != nil {
		t.Errorf("List without anything: %v %v", es, broken)
	}
	d := create(t, r, "one", false)
	es, broken := r.List()
	if len(es) != 1 || broken != nil {
		t.Fatalf("List: %v %v", es, broken)
	}
	if e := es[0]; e.Name != "one" || e.Status != Created || !e.Starting || e.Command[0] != "sleep" || e.Image != "docker.io/library/alpine:latest" {
		t.Errorf("entry %+v", e)
	}
	if _, err := r.Create(newID(t), "one"); !errors.Is(err, errs.ErrExists) || !strings.Contains(errs.Hint(err), "rc rm -f one") {
		t.Errorf("Create again: %v", err)
	}
	closed(t, d)
	if e, err := r.Find("one"); err != nil || e.Starting {
		t.Errorf("Find: %+v %v", e, err)
	}
	got, err := r.Load(d.ID)
	if err != nil || got.Name != "one" {
		t.Errorf("Load: %+v %v", got, err)
	}
	if err := r.Remove(d.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Remove(d.ID); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("Remove again: %v", err)
	}
	if diff := cmp.Diff([]string{"data/trash/" + d.ID}, files(t, r)); diff != "" {
		t.Error(diff)
	}
	closed(t, create(t, r, "one", true))
}

func TestDiscard(t *testing.T) {
	r := newRoot(t)
	d := create(t, r, "one", true)
	if err := d.Discard(); err != nil {
		t.Error(err)
	}
	if got := files(t, r); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "A.b-c_9", "0", strings.Repeat("x", 255)} {
		if err := CheckName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "-a", ".", "..", "_x", "a/b", "a b", "ä", "a\n", strings.Repeat("x", 256)} {
		if err := CheckName(name); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestGenerateName(t *testing.T) {
	r := newRoot(t)
	moods, people := strings.Fields(moodWords), strings.Fields(peopleWords)
	if len(moods) < 100 || len(people) < 150 {
		t.Errorf("%d × %d words", len(moods), len(people))
	}
	for _, words := range [][]string{moods, people} {
		seen := map[string]bool{}
		for _, w := range words {
			if seen[w] {
				t.Errorf("%q is there twice", w)
			}
			seen[w] = true
			if err := CheckName(w); err != nil {
				t.Error(err)
			}
		}
	}
	seen := map[string]bool{}
	for range 50 {
		name := r.GenerateName()
		if err := CheckName(name); err != nil || !strings.Contains(name, "_") {
			t.Errorf("%q: %v", name, err)
		}
		seen[name] = true
	}
	if len(seen) < 40 {
		t.Errorf("%d different names of 50", len(seen))
	}
}

func TestFind(t *testing.T) {
	r := newRoot(t)
	a := "aa" + strings.Repeat("0", 62)
	b := "ab" + strings.Repeat("0", 62)
	for id, name := range map[string]string{a: "ab", b: "other"} {
		d, err := r.Create(id, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.WriteContainer(container(id, name, false)); err != nil {
			t.Fatal(err)
		}
		closed(t, d)
	}
	for _, c := range []struct {
		ask, want string
		err       error
	}{
		{"ab", a, nil}, // a name before the beginning of an id
		{"aa", a, nil},
		{"ab0", b, nil},
		{b, b, nil},
		{"other", b, nil},
		{"a", "", errs.ErrInvalid},
		{"ac", "", errs.ErrNotFound},
		{"", "", errs.ErrNotFound},
		{"../containers", "", errs.ErrNotFound},
		{b + "0", "", errs.ErrNotFound},
	} {
		e, err := r.Find(c.ask)
		if !errors.Is(err, c.err) || c.err == nil && (err != nil || e.ID != c.want) {
			t.Errorf("Find %q: %v %v", c.ask, e, err)
		}
	}
}

// TestStatus goes through what records can say.
func TestStatus(t *testing.T) {
	me := os.Getpid()
	start, err := linux.StartTime(me)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Round(0)
	alive := &spec.State{ShimPID: me, ShimStart: start, PID: me, Started: now}
	dead := &spec.State{ShimPID: me, ShimStart: start + 1, PID: 7, Started: now}
	pessimistic := &spec.Exit{Code: 137, Started: now}
	for _, c := range []struct {
		what    string
		state   *spec.State
		exit    *spec.Exit
		mounted bool
		want    string
		code    int
		lost    bool
	}{
		{"new", nil, nil, false, Created, 0, false},
		{"running", alive, nil, true, Running, 0, false},
		{"running, prepared", alive, pessimistic, true, Running, 0, false},
		{"running again", alive, &spec.Exit{Code: 3, Finished: now.Add(-time.Hour)}, true, Running, 3, false},
		{"ended, shim unmounts", alive, &spec.Exit{Code: 3, Started: alive.Started, Finished: now.Add(time.Second)}, true, Exited, 3, false},
		{"ended, the clock was set back", alive, &spec.Exit{Code: 3, Started: alive.Started, Finished: alive.Started.Add(-time.Hour)}, true, Exited, 3, false},
		{"ended", nil, &spec.Exit{Code: 4, Finished: now}, true, Exited, 4, false},
		{"shim killed", dead, nil, true, Exited, 137, true},
		{"shim killed, prepared", dead, pessimistic, true, Exited, 137, true},
		{"shim killed, second life", dead, &spec.Exit{Code: 3, Finished: now.Add(-time.Hour)}, true, Exited, 137, true},
		{"power cut", nil, pessimistic, true, Exited, 137, true},
		{"power cut, nothing prepared", nil, nil, true, Exited, 137, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := newRoot(t)
			d := closed(t, create(t, r, "x", false))
			if c.state != nil {
				if err := r.WriteState(d.ID, c.state); err != nil {
					t.Fatal(err)
				}
			}
			if c.exit != nil {
				if err := r.WriteExit(d.ID, c.exit); err != nil {
					t.Fatal(err)
				}
			}
			if c.mounted {
				if err := os.MkdirAll(filepath.Join(d.Path(), "work", "work"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			e, err := r.Find("x")
			if err != nil {
				t.Fatal(err)
			}
			code := 0
			if e.Exit != nil {
				code = e.Exit.Code
			}
			if e.Status != c.want || code != c.code || e.Lost != c.lost {
				t.Errorf("%s code %d lost %v, want %s %d %v", e.Status, code, e.Lost, c.want, c.code, c.lost)
			}
			err = r.Remove(d.ID)
			if isAlive := c.state == alive; isAlive != errors.Is(err, errs.ErrState) || !isAlive && err != nil {
				t.Errorf("Remove: %v", err)
			}
		})
	}
}

// TestBroken: a record that cannot be read hides no other, and can be removed.
func TestBroken(t *testing.T) {
	for _, c := range []struct{ file, text string }{
		{containerFile, "{"}, {containerFile, ""}, {exitFile, "{\"code\":"}, {"run", "garbage"}, {containerFile, `{"id":"other"}`},
	} {
		r := newRoot(t)
		closed(t, create(t, r, "good", false))
		d := closed(t, create(t, r, "bad", false))
		path := filepath.Join(d.Path(), c.file)
		if c.file == "run" {
			path = filepath.Join(d.RunPath(), stateFile)
		}
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c.file == containerFile {
			if err := os.WriteFile(filepath.Join(d.Path(), summaryFile), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		es, broken := r.List()
		if len(es) != 1 || es[0].Name != "good" || len(broken) != 1 || !strings.Contains(broken[0].Error(), path) {
			t.Errorf("%s %q: %v %v", c.file, c.text, es, broken)
		}
		if id, err := r.FindID("bad"); err != nil || id != d.ID {
			t.Errorf("FindID: %v", err)
		}
		if err := r.Remove(d.ID); err != nil {
			t.Errorf("Remove: %v", err)
		}
		if _, err := os.Lstat(r.NamePath("bad")); !os.IsNotExist(err) {
			t.Error("the name is still taken")
		}
	}
	// An empty exit.json is what a power cut makes of a file that was not synced.
	r := newRoot(t)
	d := closed(t, create(t, r, "cut", false))
	if err := os.WriteFile(filepath.Join(d.Path(), exitFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err := r.Find("cut"); err != nil || e.Status != Exited || !e.Lost {
		t.Errorf("%+v %v", e, err)
	}
	// Between the two records.
	if err := os.Remove(filepath.Join(d.Path(), summaryFile)); err != nil {
		t.Fatal(err)
	}
	if e, err := r.Find("cut"); err != nil || e.Command[0] != "sleep" {
		t.Errorf("%+v %v", e, err)
	}
}

// TestRace: of many creators of one name, one gets it; the others leave nothing.
// TestKilled: kill -9 of a creator at each step; while it lives nothing is taken from it,
// and the next sweep takes what it left.
// TestNameOfGarbage: Create frees by itself a name that a dead creator left.
// TestSweepAfterBoot: the runtime directory is gone, and with it what Sweep goes by.
func TestUserMounts(t *testing.T) {
	r := newRoot(t)
	c := container(newID(t), "x", false)
	c.OCI.Mounts = []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"},
		{Destination: "/etc/hosts", Type: "bind", Source: r.RunDir(c.ID) + "/hosts"},
		{Destination: "/data", Type: "bind", Source: "/srv", Options: []string{"rbind"}},
		{Destination: "/vol", Source: r.Dir(c.ID) + "/volumes/0", Options: []string{"bind", "copyup"}},
		{Destination: "/dev/null", Type: "bind", Source: "/dev/null"},
	}
	if diff := cmp.Diff([]string{"/data", "/vol"}, UserMounts(r, c)); diff != "" {
		t.Error(diff)
	}
}

// TestDiscardUnread: a container that is not on record yet goes with its name, one with --rm has no summary.
func TestDiscardUnread(t *testing.T) {
	r := Root{Data: t.TempDir(), Run: t.TempDir()}
	for _, recorded := range []bool{false, true} {
		id, err := GenerateID()
		if err != nil {
			t.Fatal(err)
		}
		d, err := r.Create(id, "box")
		if err != nil {
			t.Fatal(err)
		}
		if recorded {
			if err := d.WriteContainer(&spec.Container{ID: id, Name: "box", Remove: true}); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(filepath.Join(d.Path(), summaryFile)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("summary: %v", err)
			}
			if e, err := r.Find("box"); err != nil || e.ID != id {
				t.Errorf("find: %v, %v", e, err)
			}
		}
		if err := r.Discard(id, "box"); err != nil {
			t.Error(err)
		}
		if err := d.Discard(); err != nil {
			t.Errorf("the creator after the shim: %v", err)
		}
		for _, path := range []string{r.NamePath("box"), r.Dir(id), r.RunDir(id)} {
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is left: %v", path, err)
			}
		}
	}
	if err := r.Discard("../x", "box"); !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
}
