package records

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/container/records/recordstest"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

func TestList(t *testing.T) {
	root := recordstest.Four(t)
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
	root := recordstest.Four(t)
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
	root := recordstest.Four(f)
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
	root := recordstest.Four(t)
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

func TestWrittenSize(t *testing.T) {
	root := recordstest.Four(t)
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
