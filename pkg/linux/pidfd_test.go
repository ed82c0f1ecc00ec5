package linux

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

func TestPidfdEnd(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pidfd, err := PidfdOpen(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer pidfd.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if ended, err := PidfdEnd(ctx, pidfd); ended || err != nil {
		t.Errorf("while it runs: %v %v", ended, err)
	}
	if ended, err := PidfdEnd(ctx, pidfd); ended || err != nil {
		t.Errorf("with a context that is done: %v %v", ended, err)
	}
	time.AfterFunc(20*time.Millisecond, func() { _ = cmd.Process.Kill() })
	if ended, err := PidfdEnd(t.Context(), pidfd); !ended || err != nil {
		t.Errorf("after its end: %v %v", ended, err)
	}
	_ = cmd.Wait()
	if ended, err := PidfdEnd(t.Context(), pidfd); !ended || err != nil {
		t.Errorf("after it was reaped: %v %v", ended, err)
	}
}
