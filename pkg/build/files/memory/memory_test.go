package memory

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func FuzzMemory(f *testing.F) {
	f.Add([]byte(memoryFormat))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "m")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		m := Open(path)
		m.Recall(&unix.Stat_t{Ino: 1})
		m.Remember(&unix.Stat_t{Ino: 1}, Sum{}, time.Now())
		if err := m.Save(); err != nil {
			t.Fatal(err)
		}
		if m = Open(path); len(m.old) == 0 {
			t.Error("nothing was saved")
		}
	})
}
