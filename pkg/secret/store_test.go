package secret

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("RC_TEST_CREATE"); dir != "" {
		for n := 0; ; n++ { // until it is killed
			if _, err := (Store{dir}).Create("victim", fmt.Appendf(nil, "%0100000d", n), CreateOptions{Replace: true}); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1) //nolint:forbidigo // the test binary is the writer, too
			}
		}
	}
	os.Exit(m.Run()) //nolint:forbidigo // the test binary is the writer, too
}

func TestCreate(t *testing.T) {
	s := Store{filepath.Join(t.TempDir(), "secrets")}
	for _, name := range []string{"db", ".hidden", "%2Ehidden", "a b\n", strings.Repeat("n", 253), "." + strings.Repeat("n", 252)} {
		made, err := s.Create(name, []byte("of "+name), CreateOptions{Labels: map[string]string{"k": "v"}})
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.Find(name)
		if err != nil || found.ID != made.ID || found.Name != name || found.Labels["k"] != "v" || len(made.ID) != 25 {
			t.Errorf("%q: %+v, %v", name, found, err)
		}
		if data, err := s.Data(name); err != nil || string(data) != "of "+name {
			t.Errorf("%q: %q, %v", name, data, err)
		}
		for path, mode := range map[string]os.FileMode{s.Dir: 0o700, s.path(name): 0o700, s.path(name) + "/data": 0o600, s.path(name) + "/secret.json": 0o600} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%q: %v, %v", path, info.Mode(), err)
			}
		}
		if byID, err := s.Find(made.ID[:12]); err != nil || byID.Name != name {
			t.Errorf("%q by id: %+v, %v", name, byID, err)
		}
	}
	if names, err := s.Names(); err != nil || len(names) != 6 {
		t.Errorf("%q, %v", names, err)
	}
}

func TestRefuse(t *testing.T) {
	s := Store{filepath.Join(t.TempDir(), "secrets")}
	for _, name := range []string{"", "a,b", "a/b", "a=b", "a\x00", ".", "..", strings.Repeat("n", 254)} {
		if _, err := s.Create(name, []byte("x"), CreateOptions{}); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, size := range []int{0, MaxSize} {
		if _, err := s.Create("size", make([]byte, size), CreateOptions{}); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if _, err := os.Stat(s.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
	if _, err := s.Create("size", make([]byte, MaxSize-1), CreateOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := s.Create("size", []byte("x"), CreateOptions{}); !errors.Is(err, errs.ErrExists) {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"nothere", "../x", ""} {
		if _, err := s.Find(name); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := s.Remove(name); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestKept: neither another secret of the name nor its removal changes what a container has.
func TestKept(t *testing.T) {
	s := Store{filepath.Join(t.TempDir(), "secrets")}
	old, err := s.Create("db", []byte("old"), CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "0")
	if err := s.Link("db", link); err != nil {
		t.Fatal(err)
	}
	next, err := s.Create("db", []byte("new"), CreateOptions{Replace: true})
	if err != nil || next.ID == old.ID || !next.Created.Equal(old.Created) || !next.Updated.After(old.Updated) {
		t.Errorf("%+v, %v", next, err)
	}
	if _, err := s.Remove(next.ID); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(link); string(data) != "old" {
		t.Errorf("%q, %v", data, err)
	}
	if entries, err := os.ReadDir(s.Dir); len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := s.Link("db", link+"2"); !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
}

func TestBroken(t *testing.T) {
	s := Store{t.TempDir()}
	for _, name := range []string{"good", "broken"} {
		if _, err := s.Create(name, []byte("x"), CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "broken", recordFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := s.List()
	if len(list) != 1 || err == nil {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := s.Find("good"); err != nil {
		t.Error(err)
	}
	if _, err := s.Remove("broken"); err != nil {
		t.Error(err)
	}
	if names, err := s.Names(); !cmp.Equal(names, []string{"good"}) {
		t.Errorf("%q, %v", names, err)
	}
}

// TestRace: of many that want one name one gets it; of many that replace it the last one stays.
func TestRace(t *testing.T) {
	s := Store{t.TempDir()}
	var wait sync.WaitGroup
	var won atomic.Int32
	for range 8 {
		wait.Go(func() {
			_, err := s.Create("one", []byte("x"), CreateOptions{})
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, errs.ErrExists) {
				t.Error(err)
			}
			if _, err := s.Create("two", []byte("y"), CreateOptions{Replace: true}); err != nil {
				t.Error(err)
			}
			if _, err := s.Remove("two"); err != nil && !errors.Is(err, errs.ErrNotFound) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if won.Load() != 1 {
		t.Errorf("%d have made it", won.Load())
	}
	if entries, _ := os.ReadDir(s.Dir); len(entries) != 1 {
		t.Errorf("%v", entries)
	}
}

// TestKilled kills a process that replaces a secret all the time: it is always whole, and the next call
// takes away what is left.
func TestKilled(t *testing.T) {
	s := Store{t.TempDir()}
	if _, err := s.Create("victim", fmt.Appendf(nil, "%0100000d", 0), CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "RC_TEST_CREATE="+s.Dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(20+7*n) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if data, err := s.Data("victim"); err != nil || len(data) != 100000 {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
		if _, err := s.Find("victim"); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(young)
	s.Sweep()
	if entries, _ := os.ReadDir(s.Dir); len(entries) != 1 {
		t.Errorf("%v", entries)
	}
}
