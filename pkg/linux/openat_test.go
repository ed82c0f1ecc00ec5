package linux

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// testRoot is a directory with traps in it; outside is a file that must stay untouched.
func testRoot(t *testing.T) (fd int, root, outside string) {
	t.Helper()
	base := t.TempDir()
	root, outside = base+"/root", base+"/outside"
	for _, dir := range []string{root + "/dir/sub", outside} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, data := range map[string]string{root + "/file": "inside", outside + "/file": "outside"} {
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"up": "../outside", "abs": outside, "far": strings.Repeat("../", 30) + outside, "loop": "loop", "a": "b", "b": "a",
		"good": "dir/sub", "gooddir": "/dir", "dangling": "dir/made", "danglingabs": "/made/deep", "chain": "dangling2", "dangling2": "../../made2",
		"magic": "/proc/self/root", "dir/back": "../../../outside/new",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd, root, outside
}

func TestMakeInRoot(t *testing.T) {
	for _, test := range []struct {
		path string
		want string // below root
		err  error
	}{
		{"/new/deep/er", "new/deep/er", nil},
		{"relative", "relative", nil},
		{"../../climb", "climb", nil},
		{"good/x", "dir/sub/x", nil},
		{"/gooddir/x/", "dir/x", nil},
		{"dangling", "dir/made", nil},
		{"danglingabs/x", "made/deep/x", nil},
		{"chain", "made2", nil},
		{"dir/back", "outside/new", nil},
		{"up/x", "outside/x", nil},
		{"loop", "", unix.ELOOP},
		{"a/x", "", unix.ELOOP},
		{"file/x", "", unix.ENOTDIR},
		{"new/..", "new/..", unix.ENOENT},
	} {
		for kind, create := range map[string]func(int, string, uint32) (int, error){"directory": MkdirAllInRoot, "file": CreateInRoot} {
			if kind == "file" && strings.HasSuffix(test.path, "/") {
				continue
			}
			fd, root, outside := testRoot(t)
			got, err := create(fd, test.path, 0o755)
			if !errors.Is(err, test.err) {
				t.Errorf("%s %q: %v, want %v", kind, test.path, err, test.err)
			}
			if err == nil {
				var a, b unix.Stat_t
				if err := errors.Join(unix.Fstat(got, &a), unix.Lstat(root+"/"+test.want, &b)); err != nil || a.Ino != b.Ino {
					t.Errorf("%s %q: not %q: %v", kind, test.path, test.want, err)
				}
				if isDir := a.Mode&unix.S_IFMT == unix.S_IFDIR; isDir != (kind == "directory") {
					t.Errorf("%s %q: mode %o", kind, test.path, a.Mode)
				}
				_ = unix.Close(got)
			}
			if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
				t.Errorf("%s %q: outside there is %v, %v", kind, test.path, entries, err)
			}
		}
	}
}

func TestReadInRoot(t *testing.T) {
	fd, root, _ := testRoot(t)
	if err := unix.Mkfifo(root+"/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path, want string
		limit      int
		err        string
	}{
		{"file", "inside", 100, ""},
		{"/../file", "inside", 6, ""},
		{"file", "", 5, "file too large"},
		{"abs/file", "", 100, "no such file"},
		{"far/file", "", 100, "no such file"},
		{"magic/file", "", 100, "no such file"},
		{"fifo", "", 100, "not a regular file"},
		{"dir", "", 100, "not a regular file"},
	} {
		got, err := ReadInRoot(fd, test.path, test.limit)
		if test.err == "" && (err != nil || string(got) != test.want) || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%q: %q, %v; want %q, %q", test.path, got, err, test.want, test.err)
		}
	}
}

func TestSplit(t *testing.T) {
	for path, want := range map[string][2]string{
		"/a/b": {"/a/", "b"}, "a": {".", "a"}, "/a": {"/", "a"}, "a/b//": {"a/", "b"}, "": {".", ""}, "/": {".", ""}, "a/..": {"a/", ".."},
	} {
		if parent, name := split(path); parent != want[0] || name != want[1] {
			t.Errorf("%q: %q, %q", path, parent, name)
		}
	}
}

// FuzzMakeInRoot looks for a path that makes something outside.
func FuzzMakeInRoot(f *testing.F) {
	for _, path := range []string{"up/x", "dir/back/../../y", "far/../z", "danglingabs/../../q", "magic/w", "./.././a"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		fd, _, outside := testRoot(t)
		for _, create := range []func(int, string, uint32) (int, error){MkdirAllInRoot, CreateInRoot} {
			if got, err := create(fd, path, 0o755); err == nil {
				_ = unix.Close(got)
			}
		}
		entries, err := os.ReadDir(outside)
		above, aboveErr := os.ReadDir(filepath.Dir(outside))
		if err != nil || aboveErr != nil || len(entries) != 1 || len(above) != 2 {
			t.Errorf("%q: outside there is %v, above %v", path, entries, above)
		}
	})
}
