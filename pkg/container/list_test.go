package container

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// records are four containers: one created, one running, two exited, a minute apart.
func records(t testing.TB) state.Root {
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

func TestList(t *testing.T) {
	root := records(t)
	for _, c := range []struct {
		o    ListOptions
		f    []string
		want string
	}{
		{ListOptions{}, nil, "runs"},
		{ListOptions{All: true}, nil, "made runs done failed"},
		{ListOptions{Last: 2}, nil, "done failed"},
		{ListOptions{All: true, Sort: "names"}, nil, "done failed made runs"},
		{ListOptions{All: true, Sort: "status"}, nil, "made done failed runs"},
		{ListOptions{All: true, Sort: "image"}, nil, "made done failed runs"},
		{ListOptions{All: true, Sort: "command"}, nil, "done failed made runs"},
		{ListOptions{All: true, Sort: "size", Size: func(e state.Entry) int64 { return int64(-len(e.Name)) }}, nil, "failed made runs done"},
		{ListOptions{All: true, Sort: "runningfor"}, nil, "made done failed runs"},
		{ListOptions{}, []string{"status=exited"}, "done failed"},
		{ListOptions{}, []string{"status=exited", "status=created"}, "made done failed"},
		{ListOptions{}, []string{"exited=3"}, "failed"},
		{ListOptions{}, []string{"exited=3", "status=running"}, ""},
		{ListOptions{All: true}, []string{"name=e"}, "made done failed"},
		{ListOptions{All: true}, []string{"name=^made$"}, "made"},
		{ListOptions{All: true}, []string{"id=a2", "id=a3"}, "done failed"},
		{ListOptions{All: true}, []string{"label=app", "label=n=1"}, "runs"},
		{ListOptions{All: true}, []string{"label=n=1", "label=n=2"}, ""},
		{ListOptions{All: true}, []string{"label!=n=1"}, "made done failed"},
		{ListOptions{All: true}, []string{"before=done"}, "made runs"},
		{ListOptions{All: true}, []string{"since=done"}, "failed"},
		{ListOptions{All: true}, []string{"until=59m30s"}, "made"},
		{ListOptions{All: true}, []string{"ancestor=alpine"}, "made done failed"},
		{ListOptions{All: true}, []string{"ancestor=alpine:3.20"}, "made done failed"},
		{ListOptions{All: true}, []string{"ancestor=alpine:latest"}, ""},
		{ListOptions{All: true}, []string{"ancestor=a/busybox"}, "runs"},
		{ListOptions{All: true}, []string{"ancestor=fffff"}, "made runs done failed"},
		{ListOptions{All: true}, []string{"network=host"}, ""},
		{ListOptions{All: true}, []string{"publish=80"}, "runs"},
		{ListOptions{All: true}, []string{"publish=70-90/tcp"}, "runs"},
		{ListOptions{All: true}, []string{"publish=8080"}, ""}, // the host's
		{ListOptions{All: true}, []string{"publish=53/udp"}, ""},
		{ListOptions{All: true}, []string{"expose=53/udp"}, "runs"},
		{ListOptions{All: true}, []string{"expose=80/udp"}, ""},
		{ListOptions{All: true}, []string{"volume=/data/"}, "made runs done failed"},
		{ListOptions{All: true}, []string{"restart-policy=no"}, "made runs done failed"},
		{ListOptions{All: true}, []string{"restart-policy=always"}, ""},
		{ListOptions{All: true}, []string{"should-start-on-boot=true"}, ""},
		{ListOptions{All: true}, []string{"should-start-on-boot=false"}, "made runs done failed"},
		{ListOptions{All: true}, []string{"health=none"}, "made runs done failed"},
		{ListOptions{All: true}, []string{"health=healthy"}, ""},
		{ListOptions{All: true}, []string{"command=sh"}, "made runs done failed"},
		{ListOptions{}, []string{"status=paused", "status=restarting", "status=initialized"}, ""},
	} {
		filters, err := ParseFilters(root, c.f)
		if err != nil {
			t.Errorf("%v: %v", c.f, err)
			continue
		}
		c.o.Filters = filters
		es, broken := List(root, c.o)
		var names []string
		for _, e := range es {
			names = append(names, e.Name)
		}
		if got := strings.Join(names, " "); got != c.want || broken != nil {
			t.Errorf("%+v %v: %q %v, want %q", c.o, c.f, got, broken, c.want)
		}
	}
}

func TestStartsOnBoot(t *testing.T) {
	for _, c := range []struct {
		policy string
		exit   *spec.Exit
		want   bool
	}{
		{"", nil, false},
		{"no", nil, false},
		{"on-failure", &spec.Exit{Code: 1}, false},
		{"always", nil, true},
		{"always", &spec.Exit{Stopped: true}, true},
		{"unless-stopped", nil, true},
		{"unless-stopped", &spec.Exit{Code: 137}, true},
		{"unless-stopped", &spec.Exit{Stopped: true}, false},
	} {
		if got := startsOnBoot(state.Entry{Summary: spec.Summary{Restart: c.policy}, Exit: c.exit}); got != c.want {
			t.Errorf("%s %+v: %v", c.policy, c.exit, got)
		}
	}
}

func TestParseFiltersRefuses(t *testing.T) {
	root := records(t)
	for _, c := range []struct{ filter, want string }{
		{"name", "KEY=VALUE"},
		{"colour=red", "ancestor, before, command"},
		{"should-start-on-boot=yes", "true, false"},
		{"health=well", "healthy, unhealthy"},
		{"restart-policy=never", "on-failure"},
		{"=x", "ancestor"},
		{"status=dead", "created, exited, initialized, paused"},
		{"exited=x", "0 to 255"},
		{"publish=x", "want a port"},
		{"expose=90-80", "want a port"},
		{"exited=256", "0 to 255"},
		{"name=(", "regular expression"},
		{"until=yesterday", "duration"},
	} {
		if _, err := ParseFilters(root, []string{c.filter}); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.filter, err)
		}
	}
	if _, err := ParseFilters(root, []string{"before=nobody"}); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	if err := CheckSort("size"); err != nil {
		t.Error(err)
	}
	if err := CheckSort("colour"); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), "runningfor") {
		t.Error(err)
	}
}

func FuzzParseFilters(f *testing.F) {
	root := records(f)
	for _, s := range []string{"name=a", "label!=a=b", "until=10m", "until=2006-01-02", "ancestor=sha256:ff", "id=", "status=running", "exited=0", "volume=/", "name=[", "before=made"} {
		f.Add(s)
	}
	es, _ := root.List()
	f.Fuzz(func(t *testing.T, text string) {
		filters, err := ParseFilters(root, []string{text})
		if err != nil {
			if !errors.Is(err, errs.ErrInvalid) && !errors.Is(err, errs.ErrNotFound) {
				t.Error(err)
			}
			return
		}
		for _, e := range es {
			filters.match(e)
		}
	})
}

func TestStatusText(t *testing.T) {
	root := records(t)
	want := map[string]string{"made": "Created", "runs": "Up 30 minutes", "done": "Exited (0) 2 minutes ago", "failed": "Exited (3) About a minute ago"}
	es, _ := root.List()
	for _, e := range es {
		if got := StatusText(e, time.Now()); got != want[e.Name] {
			t.Errorf("%s: %q, want %q", e.Name, got, want[e.Name])
		}
	}
	now := time.Now()
	lives := &spec.State{Started: now.Add(-5 * time.Second), Restarts: 3}
	ended := &spec.Exit{Code: 1, Finished: now.Add(-5 * time.Second)}
	checked := spec.Summary{Health: true}
	for _, c := range []struct {
		e    state.Entry
		want string
	}{
		{state.Entry{Status: state.Running, State: lives}, "Up 5 seconds"},
		{state.Entry{Status: state.Running, State: lives, Summary: checked}, "Up 5 seconds (starting)"},
		{state.Entry{Status: state.Running, State: lives, Summary: checked, Health: &spec.HealthState{Status: "healthy"}}, "Up 5 seconds (healthy)"},
		{state.Entry{Status: state.Paused, State: lives, Summary: checked}, "Up 5 seconds (Paused)"},
		{state.Entry{Status: state.Restarting, State: lives, Exit: ended}, "Restarting (1) 5 seconds ago"},
		{state.Entry{Status: state.Restarting, State: lives}, "Restarting"},
		{state.Entry{Status: state.Initialized, State: lives}, "Initialized"},
		{state.Entry{Status: state.Exited, Exit: ended, Lost: true}, "Exited (1), shim lost"},
	} {
		if got := StatusText(c.e, now); got != c.want {
			t.Errorf("%+v: %q, want %q", c.e, got, c.want)
		}
	}
	if Restarts(state.Entry{State: lives}) != 3 || Restarts(state.Entry{}) != 0 {
		t.Error("Restarts")
	}
}

func TestRemove(t *testing.T) {
	root := records(t)
	id := func(name string) string {
		id, err := root.FindID(name)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	if err := Remove(t.Context(), root, id("done"), RemoveOptions{}); err != nil {
		t.Error(err)
	}
	if err := Remove(t.Context(), root, id("runs"), RemoveOptions{}); !errors.Is(err, errs.ErrState) || errs.Hint(err) != "rc rm -f runs" {
		t.Errorf("running: %v", err)
	}
	if err := Remove(t.Context(), root, strings.Repeat("0", 64), RemoveOptions{}); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("not there: %v", err)
	}
	broken := filepath.Join(root.Dir(id("failed")), "exit.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Remove(t.Context(), root, id("failed"), RemoveOptions{}); err == nil || !strings.Contains(err.Error(), broken) {
		t.Errorf("broken: %v", err)
	}
	if err := Remove(t.Context(), root, id("failed"), RemoveOptions{Force: true}); err != nil {
		t.Errorf("broken, forced: %v", err)
	}
	es, errs := List(root, ListOptions{All: true})
	if len(es) != 2 || errs != nil {
		t.Errorf("left: %v %v", es, errs)
	}
}

// TestRemoveRunning: the first process is asked, then killed; the shim, which here does
// not notice, is killed at last.
func TestRemoveRunning(t *testing.T) {
	for _, c := range []struct {
		script string
		limit  uint
	}{
		{"trap 'exit 0' TERM; echo; while :; do sleep 0.02; done", 10},
		{"trap '' TERM; echo; while :; do sleep 0.02; done", 1},
		{"echo; sleep 60", 0},
	} {
		t.Run(c.script, func(t *testing.T) {
			root := records(t)
			// The process plays both: when it has gone, the shim has gone.
			cmd := exec.CommandContext(t.Context(), "sh", "-c", c.script)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			pid := cmd.Process.Pid
			start, err := linux.StartTime(pid)
			if err != nil {
				t.Fatal(err)
			}
			id, err := root.FindID("made")
			if err != nil {
				t.Fatal(err)
			}
			if err := root.WriteState(id, &spec.State{ShimPID: pid, ShimStart: start, PID: pid, PIDStart: start, Started: time.Now()}); err != nil {
				t.Fatal(err)
			}
			go func() { _ = cmd.Wait() }()
			if err := Remove(t.Context(), root, id, RemoveOptions{Force: true, Timeout: &c.limit}); err != nil {
				t.Error(err)
			}
			if linux.Alive(pid, start) {
				t.Error("it runs on")
			}
			if _, err := root.FindID("made"); !errors.Is(err, errs.ErrNotFound) {
				t.Errorf("FindID: %v", err)
			}
		})
	}
}

func TestWrittenSize(t *testing.T) {
	root := records(t)
	id, err := root.FindID("made")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := WrittenSize(root, id); n != 0 || err != nil {
		t.Errorf("without an upper directory: %d %v", n, err)
	}
	upper := filepath.Join(root.Dir(id), "upper", "dir")
	if err := os.MkdirAll(upper, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(upper, "file")
	for _, err := range []error{
		os.WriteFile(file, make([]byte, 1000), 0o600), os.Link(file, file+"2"), os.Symlink("1234", file+"3"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n, err := WrittenSize(root, id); n != 1004 || err != nil {
		t.Errorf("%d %v, want 1004", n, err)
	}
}
