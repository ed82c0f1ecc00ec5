package container

import (
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestFindUnit(t *testing.T) {
	for _, test := range []struct {
		name, env, mode, start string
		want                   shim.Notify
	}{
		{"no socket", "", "", "", shim.Notify{}},
		{"container is the default", "/n", "", "", shim.Notify{Mode: "container", Socket: "/n", Main: true}},
		{"as it was made", "/n", "conmon", "", shim.Notify{Mode: "conmon", Socket: "/n", Main: true}},
		{"as start says", "/n", "conmon", "container", shim.Notify{Mode: "container", Socket: "/n", Main: true}},
		{"ignored", "/n", "ignore", "", shim.Notify{}},
		{"ignored by start", "/n", "conmon", "ignore", shim.Notify{}},
	} {
		t.Setenv("NOTIFY_SOCKET", test.env)
		r := &run{c: &spec.Container{SDNotify: test.mode}, sdNotify: test.start, detach: true}
		if err := r.findUnit(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, r.unit.notify); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	r := &run{c: &spec.Container{Name: "c"}, sdNotify: spec.NotifyHealthy}
	if err := r.findUnit(); err == nil {
		t.Error("healthy without a healthcheck")
	}
}

func TestListening(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, test := range []struct {
		pid, fds string
		want     int
		fails    bool
	}{
		{"", "", 0, false},
		{own, "2", 2, false},
		{"1", "2", 0, false}, // somebody else's
		{own, "many", 0, true},
		{own, "-1", 0, true},
		{own, "", 0, true},
	} {
		t.Setenv("LISTEN_PID", test.pid)
		t.Setenv("LISTEN_FDS", test.fds)
		if n, err := listening(); n != test.want || (err != nil) != test.fails {
			t.Errorf("%s, %s: %d, %v", test.pid, test.fds, n, err)
		}
	}
}

func TestDescribeUnit(t *testing.T) {
	u := unit{notify: shim.Notify{Mode: spec.NotifyContainer}, listen: []string{"LISTEN_FDS=1", "LISTEN_PID=1"}}
	recorded := specs.Spec{Process: &specs.Process{Env: []string{"A=1"}}}
	started := recorded
	u.describe(&started, "/run/c")
	want := []string{"A=1", "LISTEN_FDS=1", "LISTEN_PID=1", "NOTIFY_SOCKET=/run/notify/notify.sock"}
	if diff := cmp.Diff(want, started.Process.Env); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(started.Mounts) != 1 || started.Mounts[0].Source != "/run/c/notify" || started.Mounts[0].Destination != "/run/notify" {
		t.Errorf("mounts %v", started.Mounts)
	}
	if len(recorded.Process.Env) != 1 || len(recorded.Mounts) != 0 {
		t.Error("the record has changed")
	}
	// Whoever brings the socket along himself keeps it.
	own := specs.Spec{Process: &specs.Process{Env: []string{"NOTIFY_SOCKET=/s"}}}
	u.listen = nil
	u.describe(&own, "/run/c")
	if len(own.Mounts) != 0 || own.Process.Env[0] != "NOTIFY_SOCKET=/s" {
		t.Errorf("%v, %v", own.Mounts, own.Process.Env)
	}
}
