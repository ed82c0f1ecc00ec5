package lifecycle

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/container/records/recordstest"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// TestUpdate: a container that does not run, and one that runs in a directory that plays its cgroup.
func TestUpdate(t *testing.T) {
	if _, err := cgroup.Find(); err != nil {
		t.Skip(err)
	}
	root := recordstest.Four(t)
	dir := t.TempDir()
	set := func(name, value string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	says := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	set("cgroup.controllers", "memory pids cpu")
	set("pids.max", "max")
	set("memory.max", "max     ")
	set("memory.current", "9000000")
	start, err := linux.StartTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	id := func(name string) string {
		id, err := root.FindID(name)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	state := &spec.State{ShimPID: os.Getpid(), ShimStart: start, PID: 4711, Started: time.Now(), Cgroup: dir}
	if err := root.WriteState(id("runs"), state); err != nil {
		t.Fatal(err)
	}
	pids := create.Resources{PIDsLimit: new(int64(123))}
	for _, c := range []struct {
		name string
		o    UpdateOptions
		want error
		text string
	}{
		{"made", UpdateOptions{Resources: pids, Given: []string{"pids-limit"}}, nil, ""},
		{"runs", UpdateOptions{Resources: pids, Given: []string{"pids-limit"}, Restart: &spec.Restart{Policy: "always"}}, nil, ""},
		{"runs", UpdateOptions{Resources: create.Resources{Memory: 8 << 20}, Given: []string{"memory"}}, errs.ErrInvalid, "9000000"},
		{"runs", UpdateOptions{Resources: create.Resources{Memory: 8}, Given: []string{"memory"}}, errs.ErrInvalid, "6m or more"},
		{"runs", UpdateOptions{
			// memory.swap.max is missing, where a limit is asked for that is not the default
			Resources: create.Resources{Memory: 10_000_000, MemorySwap: 11_000_000, PIDsLimit: new(int64(7))},
			Given:     []string{"memory", "memory-swap", "pids-limit"},
		}, errs.ErrUnsupported, "--memory-swap"},
		{"runs", UpdateOptions{Resources: create.Resources{CpusetCPUs: "4000"}, Given: []string{"cpuset-cpus"}}, errs.ErrInvalid, "4000"},
		{"failed", UpdateOptions{Restart: &spec.Restart{Policy: "on-failure", Retries: 2}}, nil, ""},
	} {
		err := Update(t.Context(), root, id(c.name), c.o)
		if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s %+v: %v, want %v %q", c.name, c.o, err, c.want, c.text)
		}
	}
	for _, name := range []string{"made", "runs"} {
		c, err := root.Load(id(name))
		if err != nil || *c.OCI.Linux.Resources.Pids.Limit != 123 || c.OCI.Linux.Resources.Memory != nil {
			t.Errorf("%s: %+v %v", name, c.OCI.Linux, err)
		}
	}
	if got := says("pids.max") + "|" + strings.TrimSpace(says("memory.max")); !strings.HasPrefix(got, "123|max") {
		t.Errorf("the cgroup says %q", got)
	}
	if e, err := root.Find("runs"); err != nil || e.Restart != "always" {
		t.Errorf("%+v %v", e, err)
	}
}
