package hub

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestFind: nobody, somebody dead, somebody without a hub, somebody with one.
func TestFind(t *testing.T) {
	net, err := os.Open("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	h := At(t.TempDir(), int(net.Fd()))
	lock, err := h.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if s, err := h.Find(); s != nil || err != nil {
		t.Fatalf("nobody: %v, %v", s, err)
	}
	dead := exec.CommandContext(t.Context(), "sleep", "100")
	if err := dead.Start(); err != nil {
		t.Fatal(err)
	}
	if err := h.Register("dead", dead.Process.Pid); err != nil {
		t.Fatal(err)
	}
	_ = dead.Process.Kill()
	_ = dead.Wait()
	if s, err := h.Find(); s != nil || err != nil {
		t.Fatalf("somebody dead: %v, %v", s, err)
	}
	if _, err := os.Stat(h.dir + "/dead"); err == nil {
		t.Error("the dead is still registered")
	}
	if err := os.WriteFile(h.dir+"/broken", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Register("self", os.Getpid()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s, err := h.Find()
	if s == nil || err != nil || time.Since(began) > time.Second {
		t.Fatalf("%v, %v", s, err)
	}
	defer s.Close()
	want, _ := net.Stat()
	if got, err := s.Net.Stat(); err != nil || !os.SameFile(got, want) {
		t.Errorf("not the namespace: %v", err)
	}
}
