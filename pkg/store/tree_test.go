package store

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/stack"
	"github.com/rc-containers/rc/test/testns"
)

// TestSeal: what a container has left behind becomes the layer that unpacking its archive would give, and gives that archive
// again.
func TestSeal(t *testing.T) {
	ctx := context.Background()
	s, _ := open(t)
	for name, test := range map[string]struct {
		lower, upper string
		mounts       []string
		want         string
	}{
		"nothing":                  {lower: "a="},
		"a file":                   {upper: "d/a= l>a h+d/a", want: "d/ d/a h l"},
		"whiteouts":                {lower: "d/a= d/b=", upper: "!d/a d/c=", want: "d/ d/a! d/c"},
		"of nothing":               {upper: "!a b=", want: "b"},
		"fuse-overlayfs's":         {lower: "a= d/x=", upper: ".wh.a= d/.wh..wh..opq= d/b= n/.wh..wh..opq= .wh.none=", want: "a! d% d/b n/"},
		"a directory in its place": {lower: "d/a=", upper: ".wh.d= d/b=", want: "d% d/b"},
		"opaque":                   {lower: "d/a=", upper: "d% d/b=", want: "d% d/b"},
		"only mount points":        {lower: "etc/", upper: "etc/hosts proc/ x/y/", mounts: []string{"/proc", "/x/y", "/etc/hosts"}, want: ""},
		"and a file":               {upper: "proc/ etc/a=", mounts: []string{"/proc"}, want: "etc/ etc/a"},
	} {
		t.Run(name, func(t *testing.T) {
			lower := []string{testns.Tree(t, t.TempDir(), test.lower)}
			tree, err := s.NewTree(ctx, lower)
			if err != nil {
				t.Fatal(err)
			}
			testns.Tree(t, tree.Upper(), strings.ReplaceAll(test.upper, "etc/hosts", "etc/"))
			if strings.Contains(test.upper, "etc/hosts") {
				if err := os.WriteFile(filepath.Join(tree.Upper(), "etc/hosts"), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			staged, err := tree.Seal(ctx, lower, stack.Options{MountPoints: test.mounts})
			if err != nil {
				t.Fatal(err)
			}
			if staged == nil {
				if test.want != "" {
					t.Error("nothing, want", test.want)
				}
				return
			}
			if diff := cmp.Diff(test.want, marks(t, staged.Dir())); diff != "" {
				t.Error(diff)
			}
			id := staged.DiffID.Encoded()
			diffID := staged.DiffID
			if err := s.Commit(ctx, staged, id, "", ""); err != nil {
				t.Fatal(err)
			}
			r, err := s.LayerTar(id)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			archive, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			again, err := s.Stage(ctx, bytes.NewReader(archive))
			if err != nil {
				t.Fatal(err)
			}
			defer again.Discard()
			if again.DiffID != diffID {
				t.Errorf("digest %s of the archive, want %s", again.DiffID, diffID)
			}
			if diff := cmp.Diff(test.want, marks(t, again.Dir())); diff != "" {
				t.Error("unpacked again:", diff)
			}
		})
	}
}

// TestTreeTimes is about directories in which marks of fuse-overlayfs are replaced.
func TestTreeTimes(t *testing.T) {
	ctx := t.Context()
	s, _ := open(t)
	lower := []string{testns.Tree(t, t.TempDir(), "d/x= e/y=")}
	tree, err := s.NewTree(ctx, lower)
	if err != nil {
		t.Fatal(err)
	}
	testns.Tree(t, tree.Upper(), "d/.wh.x= e/.wh..wh..opq= n/.wh..wh..opq=")
	then := time.Unix(1_000_000_000, 5)
	for _, dir := range []string{"d", "e", "n"} {
		if err := os.Chtimes(filepath.Join(tree.Upper(), dir), then, then); err != nil {
			t.Fatal(err)
		}
	}
	staged, err := tree.Seal(ctx, lower, stack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Discard()
	if diff := cmp.Diff("d/ d/x! e% n/", marks(t, staged.Dir())); diff != "" {
		t.Error(diff)
	}
	for _, dir := range []string{"d", "e", "n"} {
		if info, err := os.Stat(filepath.Join(staged.Dir(), dir)); err != nil || !info.ModTime().Equal(then) {
			t.Errorf("%s: %v %v", dir, info, err)
		}
	}
}

// marks are the names in a directory: a whiteout has an exclamation mark, an opaque directory a percent sign.
func marks(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || path == dir {
			return err
		}
		name := strings.TrimPrefix(path, dir+"/")
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		switch {
		case stack.IsWhiteout(&st):
			name += "!"
		case info.IsDir():
			d, err := stack.Open(path)
			if err != nil {
				return err
			}
			defer d.Close()
			if stack.IsOpaque(d[0]) {
				name += "%"
			} else {
				name += "/"
			}
		}
		all = append(all, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// TestTreeSwept: what a killed process has begun is deleted by the next one.
func TestTreeSwept(t *testing.T) {
	if root := os.Getenv("RC_TEST_TREE"); root != "" {
		s, err := Open(t.Context(), configAt(root))
		if err == nil {
			_, err = s.NewTree(t.Context(), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Kill(os.Getpid(), unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	root := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestTreeSwept$")
	cmd.Env = append(os.Environ(), "RC_TEST_TREE="+root)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("%v: %s", err, out)
	}
	cfg := configAt(root)
	trees := func() int {
		all, err := filepath.Glob(filepath.Join(cfg.StorageRoot(), "staging", "*", "tree-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if n := trees(); n != 1 {
		t.Fatalf("%d trees of the killed process, want 1", n)
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if n := trees(); n != 0 {
		t.Errorf("%d trees are left", n)
	}
}

func configAt(root string) *config.Config {
	return &config.Config{DataRoot: root + "/data", RunRoot: root + "/run"}
}
