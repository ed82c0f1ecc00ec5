package cgroup

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

func TestFreeze(t *testing.T) {
	dir := ground(t)
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.Command("sh", "-c", "read line && echo on")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if err := Move(dir, cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Freeze(ctx, dir), Freeze(ctx, dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("x\n")); err != nil {
		t.Fatal(err)
	}
	pidfd, err := linux.PidfdOpen(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer pidfd.Close()
	if ended, err := linux.PidfdWait(pidfd, 200); ended || err != nil {
		t.Errorf("it went on: %v", err)
	}
	if err := Thaw(dir); err != nil {
		t.Error(err)
	}
	buf := make([]byte, 8)
	if n, err := out.Read(buf); string(buf[:n]) != "on\n" {
		t.Errorf("read %q %v", buf[:n], err)
	}
	if ended, err := linux.PidfdEnd(ctx, pidfd); !ended || err != nil {
		t.Errorf("PidfdEnd: %v %v", ended, err)
	}
	gone := filepath.Join(dir, "gone")
	if err := Freeze(ctx, gone); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("of what is not there: %v", err)
	}
	if err := Thaw(gone); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("of what is not there: %v", err)
	}
}
