package linux

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWalkDir: what no path reaches is found, once.
func TestWalkDir(t *testing.T) {
	top := t.TempDir()
	name, depth := strings.Repeat("d", 200), 50
	at, err := unix.Open(top, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	for range depth {
		if err == nil {
			err = unix.Mkdirat(at, name, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		below, openErr := unix.Openat(at, name, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		unix.Close(at)
		at, err = below, openErr
	}
	if err != nil {
		t.Fatal(err)
	}
	file, err := unix.Openat(at, "file", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(file)
	unix.Close(at)
	if err := os.WriteFile(filepath.Join(top, "beside"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]int{}
	files := 0
	err = WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		seen[st.Ino]++
		if !d.IsDir() {
			files++
		}
		return nil
	})
	if err != nil || len(seen) != depth+3 || files != 2 {
		t.Errorf("%d inodes, %d files: %v", len(seen), files, err)
	}
	for ino, n := range seen {
		if n != 1 {
			t.Errorf("inode %d: seen %d times", ino, n)
		}
	}
}
