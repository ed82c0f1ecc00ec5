package volume

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree makes files below dir: "a/b" is a file with its name in it, "a/" a directory, "a>b" a link.
func tree(t *testing.T, dir string, paths ...string) {
	t.Helper()
	for _, path := range paths {
		var err error
		name, target, isLink := strings.Cut(path, ">")
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		switch {
		case isLink:
			err = os.Symlink(target, full)
		case strings.HasSuffix(path, "/"):
			err = os.MkdirAll(full, 0o755)
		default:
			err = os.WriteFile(full, []byte(path), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// listed is what tree would make it of.
func listed(t *testing.T, dir string) []string {
	t.Helper()
	out := []string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, dir+"/")
		switch {
		case err != nil || path == dir:
			return err
		case d.IsDir():
			name += "/"
		case d.Type() == fs.ModeSymlink:
			target, _ := os.Readlink(path)
			name += ">" + target
		}
		out = append(out, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestImport(t *testing.T) {
	r := root(t)
	outside := t.TempDir()
	create(t, r, "v")
	tree(t, r.Path("v"), "keep", "d/old", "d/both", "file", "dir/in", "link>"+outside)
	err := r.Import("v", func(dir string) error {
		tree(t, dir, "d/both", "d/new", "file/now/a/dir", "dir", "link/x")
		return os.Chmod(filepath.Join(dir, "d"), 0o700)
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"d/", "d/both", "d/new", "d/old", "dir", "file/", "file/now/", "file/now/a/", "file/now/a/dir", "keep", "link/", "link/x"}
	if diff := cmp.Diff(want, listed(t, r.Path("v"))); diff != "" {
		t.Error(diff)
	}
	if got := listed(t, outside); len(got) > 0 {
		t.Errorf("written through a link: %v", got)
	}
	if info, err := os.Stat(filepath.Join(r.Path("v"), "d")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if r.Pending("v") || r.Unfilled("v") {
		t.Errorf("pending %v, unfilled %v", r.Pending("v"), r.Unfilled("v"))
	}
}

// TestImportFails holds that what could not be unpacked changes nothing and leaves nothing.
func TestImportFails(t *testing.T) {
	r := root(t)
	create(t, r, "v")
	tree(t, r.Path("v"), "a")
	bad := errors.New("cut off")
	err := r.Import("v", func(dir string) error { tree(t, dir, "a", "b"); return bad })
	if !errors.Is(err, bad) {
		t.Error(err)
	}
	if got := listed(t, r.Path("v")); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%v", got)
	}
	if entries, err := os.ReadDir(r.Dir("v")); err != nil || len(entries) != 4 { // record, data, marker, lock
		t.Errorf("%v %v", entries, err)
	}
}

// TestImportKilled holds that an import that was killed is ended by the next user, or begins anew.
func TestImportKilled(t *testing.T) {
	r := root(t)
	create(t, r, "unpacking")
	tree(t, filepath.Join(r.Dir("unpacking"), unpackDir), "half")
	if r.Pending("unpacking") {
		t.Error("half an archive is pending")
	}
	if err := r.Import("unpacking", func(dir string) error { tree(t, dir, "whole"); return nil }); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, r.Path("unpacking")); !slices.Equal(got, []string{"whole"}) {
		t.Errorf("%v", got)
	}
	create(t, r, "moving")
	tree(t, r.Path("moving"), "moved", "d/moved")
	tree(t, filepath.Join(r.Dir("moving"), importDir), "rest", "d/rest")
	if !r.Pending("moving") {
		t.Error("not pending")
	}
	if err := r.Fill("moving", Filling{Copy: put("never")}); err != nil {
		t.Fatal(err)
	}
	want := []string{"d/", "d/moved", "d/rest", "moved", "rest"}
	if diff := cmp.Diff(want, listed(t, r.Path("moving"))); diff != "" || r.Pending("moving") || r.Unfilled("moving") {
		t.Error(diff, r.Pending("moving"), r.Unfilled("moving"))
	}
}

// TestTidy holds that what killed imports and fillers left is found, and goes.
func TestTidy(t *testing.T) {
	r := root(t)
	for _, name := range []string{"fine", "filling", "unpacking", "moving", "busy"} {
		create(t, r, name)
	}
	tree(t, filepath.Join(r.Dir("filling"), fillDir), "half")
	tree(t, filepath.Join(r.Dir("unpacking"), unpackDir), "half")
	tree(t, filepath.Join(r.Dir("moving"), importDir), "rest")
	tree(t, filepath.Join(r.Dir("busy"), unpackDir), "being/written")
	lock, err := r.lockImport("busy")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	untidy, err := r.Untidy()
	if want := []string{"filling", "moving", "unpacking"}; err != nil || !slices.Equal(untidy, want) {
		t.Errorf("%v %v", untidy, err)
	}
	if err := r.Tidy(); err != nil {
		t.Fatal(err)
	}
	if untidy, err = r.Untidy(); err != nil || len(untidy) > 0 {
		t.Errorf("%v %v", untidy, err)
	}
	if got := listed(t, r.Path("moving")); !slices.Equal(got, []string{"rest"}) {
		t.Errorf("%v", got)
	}
	if got := listed(t, filepath.Join(r.Dir("busy"), unpackDir)); len(got) != 2 {
		t.Errorf("%v", got)
	}
	if !r.Unfilled("filling") {
		t.Error("half a copy counts")
	}
}
