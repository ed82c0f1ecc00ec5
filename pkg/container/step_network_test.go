package container

import (
	"os"
	"path/filepath"
	"testing"
)

func TestConnections(t *testing.T) {
	const quiet = "sockets: used 9\nTCP: inuse 0 orphan 4 tw 0 alloc 7 mem 166\nUDP: inuse 0 mem 3\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n"
	for name, c := range map[string]struct {
		four, six string
		want      int
	}{
		"quiet":        {quiet, "TCP6: inuse 0\nUDP6: inuse 0\n", 0},
		"without IPv6": {quiet, "", 0},
		"waiting":      {"TCP: inuse 0 orphan 0 tw 2 alloc 0 mem 0\n", "", 2},
		"ending":       {"TCP: inuse 1 orphan 1 tw 0 alloc 1 mem 0\n", "TCP6: inuse 1\n", 2},
		"datagrams":    {"UDP: inuse 1 mem 0\n", "UDP6: inuse 1\n", 2},
		"nonsense":     {"TCP:\nTCP: inuse\nTCP: inuse x\n\n", "", 0},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{"sockstat": c.four, "sockstat6": c.six} {
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := connections(dir); got != c.want || err != nil {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
	if _, err := connections(t.TempDir()); err == nil {
		t.Error("a namespace that is gone has no connections")
	}
}
