package linux

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestDying(t *testing.T) {
	if Dying(os.Getpid()) {
		t.Error("we are not")
	}
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if Dying(cmd.Process.Pid) {
		t.Error("nobody has killed it")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); !Dying(cmd.Process.Pid); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it was killed")
		}
	}
	_ = cmd.Wait()
	if !Dying(cmd.Process.Pid) {
		t.Error("it is gone")
	}
}
