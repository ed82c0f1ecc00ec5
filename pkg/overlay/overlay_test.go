package overlay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/test/testns"
)

// The tests mount.
func TestMain(m *testing.M) { testns.Main(m) }

// eachProgram runs a test of the contract with both mount programs.
func eachProgram(t *testing.T, test func(t *testing.T, program string)) {
	t.Run(Native, func(t *testing.T) {
		_, err := Choose(Native, t.TempDir())
		testns.Need(t, err)
		test(t, Native)
	})
	t.Run(Fuse, func(t *testing.T) {
		testns.Need(t, checkFuse(Fuse))
		test(t, Fuse)
	})
}

// tree makes the directories of a root with n layers below dir; each layer holds a file
// "layer" with its number and a file of its own.
func tree(t *testing.T, dir string, n int) Root {
	t.Helper()
	r := Root{Upper: filepath.Join(dir, "upper"), Work: filepath.Join(dir, "work"), Target: filepath.Join(dir, "merged")}
	for i := range n {
		lower := filepath.Join(dir, strings.Repeat("0", 64-len(fmt.Sprint(i)))+fmt.Sprint(i), "diff")
		r.Lower = append(r.Lower, lower)
		write(t, filepath.Join(lower, "layer"), fmt.Sprint(i))
		write(t, filepath.Join(lower, fmt.Sprint("file", i)), "x")
	}
	for _, d := range []string{r.Upper, r.Work, r.Target} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func mount(t *testing.T, r Root) {
	t.Helper()
	c, err := Mount(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	if r.Program != Auto && c.Program != r.Program {
		t.Fatalf("mounted by %s, want %s", c.Program, r.Program)
	}
	t.Cleanup(func() { _ = Unmount(r.Target) })
}

func TestRootIsWrittenToUpper(t *testing.T) {
	eachProgram(t, func(t *testing.T, program string) {
		r := tree(t, t.TempDir(), 3)
		r.Program = program
		write(t, filepath.Join(r.Lower[2], "dir/old"), "old")
		mount(t, r)
		if got := read(t, filepath.Join(r.Target, "layer")); got != "0" {
			t.Errorf("the topmost layer does not win: %q", got)
		}
		write(t, filepath.Join(r.Target, "new"), "new")
		if err := errors.Join(os.Remove(filepath.Join(r.Target, "file1")), os.RemoveAll(filepath.Join(r.Target, "dir")),
			os.Mkdir(filepath.Join(r.Target, "dir"), 0o755)); err != nil {
			t.Fatal(err)
		}
		if err := Unmount(r.Target); err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join(r.Upper, "new")); got != "new" {
			t.Errorf("upper/new is %q", got)
		}
		mount(t, r)
		if _, err := os.Stat(filepath.Join(r.Target, "file1")); !os.IsNotExist(err) {
			t.Errorf("a removed file is back: %v", err)
		}
		if _, err := os.Stat(filepath.Join(r.Target, "dir/old")); !os.IsNotExist(err) {
			t.Errorf("a directory made anew shows its old content: %v", err)
		}
		read(t, filepath.Join(r.Lower[1], "file1"))
	})
}

func TestReadOnly(t *testing.T) {
	eachProgram(t, func(t *testing.T, program string) {
		for _, n := range []int{2, 150} {
			r := tree(t, t.TempDir(), n)
			r.Program, r.Upper, r.Work = program, "", ""
			mount(t, r)
			if got := read(t, filepath.Join(r.Target, "layer")); got != "0" {
				t.Errorf("the topmost layer does not win: %q", got)
			}
			if err := os.WriteFile(filepath.Join(r.Target, "new"), nil, 0o644); err == nil {
				t.Error("it can be written to")
			}
			if err := Unmount(r.Target); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestManyLayers(t *testing.T) {
	eachProgram(t, func(t *testing.T, program string) {
		r := tree(t, t.TempDir(), 150)
		r.Program = program
		mount(t, r)
		read(t, filepath.Join(r.Target, "file149"))
	})
}

func TestOddPaths(t *testing.T) {
	eachProgram(t, func(t *testing.T, program string) {
		dir := t.TempDir()
		r := tree(t, filepath.Join(dir, `a,b:c\d e`), 2)
		r.Program = program
		if program == Fuse {
			if _, err := Mount(context.Background(), r); !errors.Is(err, errs.ErrUnsupported) {
				t.Errorf("a colon: %v", err)
			}
			r = tree(t, filepath.Join(dir, `a,b\d e`), 2)
			r.Program = program
		}
		mount(t, r)
		write(t, filepath.Join(r.Target, "new"), "new")
		read(t, filepath.Join(r.Target, "file1"))
		read(t, filepath.Join(r.Upper, "new"))
	})
}

func TestVolatileIsMountedAgain(t *testing.T) {
	eachProgram(t, func(t *testing.T, program string) {
		r := tree(t, t.TempDir(), 1)
		r.Program, r.Volatile = program, true
		mount(t, r)
		write(t, filepath.Join(r.Target, "new"), "new")
		if err := Unmount(r.Target); err != nil {
			t.Fatal(err)
		}
		mount(t, r)
		read(t, filepath.Join(r.Target, "new"))
	})
}

func TestAutoFallsBackToFuse(t *testing.T) {
	testns.Need(t, checkFuse(Fuse))
	// An overlay cannot be the upper layer of another one.
	under := tree(t, t.TempDir(), 1)
	under.Program = Native
	_, err := Choose(Native, under.Upper)
	testns.Need(t, err)
	mount(t, under)
	r := tree(t, under.Target, 1)
	c, err := Mount(context.Background(), r)
	if err != nil || c.Program != Fuse || !strings.Contains(c.Reason, "overlay") {
		t.Fatalf("got %+v, %v", c, err)
	}
	_ = Unmount(r.Target)
	r.Program = Native
	if _, err := Mount(context.Background(), r); !errors.Is(err, errs.ErrUnsupported) || errs.Hint(err) == "" {
		t.Errorf("native where it cannot be: %v, hint %q", err, errs.Hint(err))
	}
}

func TestMissingFuseOverlayfs(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	r := tree(t, t.TempDir(), 1)
	r.Program = Fuse
	_, err := Mount(context.Background(), r)
	if !errors.Is(err, errs.ErrNotFound) || !strings.Contains(errs.Hint(err), "package fuse-overlayfs") {
		t.Errorf("got %v, hint %q", err, errs.Hint(err))
	}
}

func TestProgramOfOnesOwn(t *testing.T) {
	testns.Need(t, checkFuse(Fuse))
	path, err := exec.LookPath(Fuse)
	if err != nil {
		t.Fatal(err)
	}
	r := tree(t, t.TempDir(), 1)
	r.Program = filepath.Join(t.TempDir(), "mine")
	if _, err := Mount(context.Background(), r); !errors.Is(err, errs.ErrNotFound) || !strings.Contains(err.Error(), r.Program) {
		t.Errorf("a program that is not there: %v", err)
	}
	if err := os.Symlink(path, r.Program); err != nil {
		t.Fatal(err)
	}
	c, err := Mount(context.Background(), r)
	if err != nil || c.Program != Fuse {
		t.Fatalf("got %+v, %v", c, err)
	}
	t.Cleanup(func() { _ = Unmount(r.Target) })
	read(t, filepath.Join(r.Target, "layer"))
}

func TestUnknownProgram(t *testing.T) {
	if _, err := Choose("aufs", t.TempDir()); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}
