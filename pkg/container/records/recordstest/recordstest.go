// Package recordstest makes records for tests: of containers of which none has a process, or one that sleeps.
package recordstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// Four are four containers: one created, one running, two exited, a minute apart.
func Four(t testing.TB) state.Root {
	t.Helper()
	root := state.Root{Data: t.TempDir(), Run: t.TempDir()}
	start, err := linux.StartTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	base := time.Now().Add(-time.Hour)
	for i, name := range []string{"made", "runs", "done", "failed"} {
		id := fmt.Sprintf("%02x%062d", 0xa0+i, 0)
		c := &spec.Container{
			ID: id, Name: name, Created: base.Add(time.Duration(i) * time.Minute), StopSignal: 15, StopTimeout: 10,
			Image:  spec.Image{ID: strings.Repeat("f", 64), Name: "docker.io/library/alpine:3.20"},
			Labels: map[string]string{"n": fmt.Sprint(i), "app": "x"}, Network: spec.Network{Mode: "none"},
			OCI: specs.Spec{Process: &specs.Process{Args: []string{"sh", "-c", name}}, Mounts: []specs.Mount{
				{Destination: "/data", Type: "bind", Source: "/srv", Options: []string{"rbind", "ro"}},
			}},
		}
		if name == "runs" {
			c.Image.Name = "quay.io/a/busybox:latest"
			c.Network = spec.Network{
				Mode: "private", Expose: []string{"53/udp", "80/tcp"},
				Ports: []spec.Port{{HostPort: 8080, ContainerPort: 80, Range: 1, Protocol: "tcp"}},
			}
		}
		d, err := root.Create(id, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.WriteContainer(c), d.Close()); err != nil {
			t.Fatal(err)
		}
		switch name {
		case "runs":
			err = root.WriteState(id, &spec.State{ShimPID: os.Getpid(), ShimStart: start, PID: 4711, Started: base.Add(30 * time.Minute)})
		case "done":
			err = root.WriteExit(id, &spec.Exit{Started: base, Finished: base.Add(58 * time.Minute)})
		case "failed":
			err = root.WriteExit(id, &spec.Exit{Code: 3, Started: base, Finished: base.Add(59 * time.Minute), OOMKilled: true})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// ended is held while end waits: a test's goroutine and its clean-up may end the same process.
var ended sync.Mutex

func End(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	ended.Lock()
	defer ended.Unlock()
	_ = cmd.Wait()
}

// Played is a container whose shim and first process are two that only sleep.
type Played struct {
	Root        state.Root
	ID          string
	Shim, First *exec.Cmd
	State       *spec.State
}

// Play makes the container "runs" of records run.
func Play(t *testing.T, root state.Root) *Played {
	t.Helper()
	id, err := root.FindID("runs")
	if err != nil {
		t.Fatal(err)
	}
	p := &Played{Root: root, ID: id}
	p.Shim, p.First = Sleeper(t), Sleeper(t)
	p.State = &spec.State{
		ShimPID: p.Shim.Process.Pid, ShimStart: StartOf(t, p.Shim), PID: p.First.Process.Pid, PIDStart: StartOf(t, p.First), Started: time.Now(),
	}
	if err := root.WriteState(id, p.State); err != nil {
		t.Fatal(err)
	}
	return p
}

func Sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { End(cmd) })
	return cmd
}

func StartOf(t *testing.T, cmd *exec.Cmd) uint64 {
	t.Helper()
	start, err := linux.StartTime(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return start
}
