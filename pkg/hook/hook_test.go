package hook

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/wire"
)

func shell(script string) Hook {
	return Hook{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"A=b"}}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	c := &Container{ID: "id", Bundle: dir, Annotations: `{"k":"v"}`}
	hooks := []Hook{shell("cat > " + dir + "/state"), shell("echo $A > " + dir + "/env; readlink /proc/$$/fd/3 >>" + dir + "/env || :")}
	if err := Run(hooks, c, specs.StateCreating, 7); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	var got specs.State
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	want := specs.State{Version: specs.Version, ID: "id", Status: "creating", Pid: 7, Bundle: dir, Annotations: map[string]string{"k": "v"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "env")); string(data) != "b\n" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestFailures(t *testing.T) {
	slow := shell("sleep 100 & sleep 100")
	slow.Timeout = 50 * time.Millisecond
	for word, h := range map[string]Hook{
		"exit code 3: what went wrong": shell("echo what went; echo wrong >&2; exit 3"),
		"signal 9":                     shell("kill -9 $$"),
		"within 50ms":                  slow,
		"no such file":                 {Path: "/nothere"},
		"permission denied":            {Path: "/etc"},
	} {
		after := filepath.Join(t.TempDir(), "after")
		err := Run([]Hook{h, shell("touch " + after)}, &Container{}, specs.StateStopped, 0)
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v, want %q", err, word)
		}
		if _, err := os.Stat(after); err == nil {
			t.Errorf("%s: the next hook has run", word)
		}
	}
}

func TestOf(t *testing.T) {
	five, none := 5, 0
	spec := &specs.Spec{Annotations: map[string]string{"a": "b"}, Hooks: &specs.Hooks{
		Prestart:      []specs.Hook{{Path: "/1"}}, //nolint:staticcheck // deprecated, and in use
		CreateRuntime: []specs.Hook{{Path: "/2", Timeout: &five}}, CreateContainer: []specs.Hook{{Path: "/3"}},
		StartContainer: []specs.Hook{{Path: "/4"}}, Poststart: []specs.Hook{{Path: "/5"}}, Poststop: []specs.Hook{{Path: "/6", Args: []string{"x"}, Env: []string{"y=z"}}},
	}}
	s, err := Of(spec, "id", "/bundle")
	if err != nil {
		t.Fatal(err)
	}
	want := &Set{
		CreateRuntime:   []Hook{{Path: "/1"}, {Path: "/2", Timeout: 5 * time.Second}},
		CreateContainer: []Hook{{Path: "/3"}}, StartContainer: []Hook{{Path: "/4"}}, Poststart: []Hook{{Path: "/5"}},
		Poststop:  []Hook{{Path: "/6", Args: []string{"x"}, Env: []string{"y=z"}}},
		Container: Container{"id", "/bundle", `{"a":"b"}`},
	}
	if diff := cmp.Diff(want, s); diff != "" || !s.Any() {
		t.Error(diff)
	}
	w := wire.NewWriter(nil)
	s.Fields(w)
	var again Set
	again.Fields(wire.NewReader(w.Bytes()))
	if diff := cmp.Diff(s, &again); diff != "" {
		t.Error(diff)
	}
	for word, h := range map[string]specs.Hook{"absolute": {Path: "x"}, "timeout": {Path: "/x", Timeout: &none}, "NUL": {Path: "/x", Env: []string{"\x00"}}} {
		if _, err := Of(&specs.Spec{Hooks: &specs.Hooks{Poststop: []specs.Hook{h}}}, "", ""); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v, want %q", err, word)
		}
	}
	if s, err := Of(&specs.Spec{}, "id", "/bundle"); err != nil || s.Any() {
		t.Errorf("%v, %v", s, err)
	}
}
