package index

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReadKeepsLocks: reading the store's state does not take away the library's locks.
func TestReadKeepsLocks(t *testing.T) {
	storage := t.TempDir()
	for _, kind := range []string{"images", "layers"} {
		dir := filepath.Join(storage, "overlay-"+kind)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, kind+".lock")
		if err := os.WriteFile(path, []byte("first"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(storage, "overlay-layers/layers.lock")
	held, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	// Locks of this kind conflict with the other kind's of the same process.
	other, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.FcntlFlock(held.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		t.Fatal(err)
	}
	before, err := current(storage)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.FcntlFlock(other.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("the lock is gone: %v", err)
	}
	// What is written is seen, and so is another file in its place.
	if _, err := held.WriteAt([]byte("again"), 0); err != nil {
		t.Fatal(err)
	}
	after, err := current(storage)
	if err != nil || after.equal(before) || after.Layers == before.Layers {
		t.Errorf("%v, %v after %v", after, err, before)
	}
	if err := os.WriteFile(path+".new", []byte("third"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	replaced, err := current(storage)
	if err != nil || replaced.Layers == after.Layers {
		t.Errorf("%v, %v after %v", replaced, err, after)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if gone, err := current(storage); err != nil || gone.Layers != "" {
		t.Errorf("%v, %v", gone, err)
	}
}
