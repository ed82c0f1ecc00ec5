package worker

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/cdi"
)

const devices = `
cdiVersion: 0.7.0
kind: test.rc/dev
containerEdits: {env: [ALL=1]}
devices:
- name: a
  containerEdits:
    env: [A=1]
    deviceNodes: [{path: /dev/x}, {path: /dev/y, hostPath: /dev/z, permissions: r, uid: 5}]
    additionalGids: [7]
- name: b
  containerEdits:
    mounts: [{hostPath: /h, containerPath: /c, options: [ro]}, {hostPath: tmpfs, containerPath: /t, type: tmpfs}]
    hooks: [{hookName: createContainer, path: /bin/x, args: [x, y], env: [E=1], timeout: 3}]
- name: rdt
  containerEdits: {intelRdt: {closID: x}}
`

const later = `{"cdiVersion": "0.7.0", "kind": "test.rc/dev", "devices": [{"name": "a", "containerEdits": {"env": ["A=later"]}}]}`

func ask(t *testing.T, r cdi.Request) *cdi.Answer {
	t.Helper()
	request, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Main(bytes.NewReader(request), &out); err != nil {
		t.Fatal(err)
	}
	var a cdi.Answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return &a
}

func TestAnswer(t *testing.T) {
	dir, second := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{dir + "/dev.yaml": devices, dir + "/bad.json": "{", second + "/dev.json": later} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dirs := []string{dir, filepath.Join(dir, "nothere")}
	three := 3
	want := &cdi.Answer{Edits: cdi.Edits{
		Env:   []string{"ALL=1", "A=1"},
		Nodes: []cdi.Node{{Host: "/dev/x", Container: "/dev/x"}, {Host: "/dev/z", Container: "/dev/y"}},
		Mounts: []specs.Mount{
			{Source: "/h", Destination: "/c", Type: "bind", Options: []string{"bind", "ro"}},
			{Source: "tmpfs", Destination: "/t", Type: "tmpfs"},
		},
		Hooks: specs.Hooks{CreateContainer: []specs.Hook{{Path: "/bin/x", Args: []string{"x", "y"}, Env: []string{"E=1"}, Timeout: &three}}},
		GIDs:  []uint32{7},
	}}
	if diff := cmp.Diff(want, ask(t, cdi.Request{Dirs: dirs, Devices: []string{"test.rc/dev=a", "test.rc/dev=b"}})); diff != "" {
		t.Error(diff)
	}
	if got := ask(t, cdi.Request{Dirs: append(dirs, second), Devices: []string{"test.rc/dev=a"}}); !cmp.Equal(got.Edits.Env, []string{"A=later"}) {
		t.Errorf("%+v", got)
	}
	if got := ask(t, cdi.Request{Dirs: dirs}); strings.Join(got.Known, " ") != "test.rc/dev=a test.rc/dev=b test.rc/dev=rdt" {
		t.Errorf("%+v", got)
	}
	if got := ask(t, cdi.Request{Dirs: dirs, Devices: []string{"test.rc/dev=rdt"}}); !got.Unsupported || !strings.Contains(got.Error, "intelRdt") {
		t.Errorf("%+v", got)
	}
	got := ask(t, cdi.Request{Dirs: dirs, Devices: []string{"nvidia.com/gpu=all"}})
	for _, word := range []string{"nvidia.com/gpu=all", dir, "test.rc/dev=b", "bad.json"} {
		if !strings.Contains(got.Error, word) {
			t.Errorf("%q does not say %q", got.Error, word)
		}
	}
	if !strings.Contains(got.Hint, "nvidia-ctk") || got.Unsupported {
		t.Errorf("%+v", got)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(devices))
	f.Add([]byte(later))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(dir+"/x.yaml", data, 0o600); err != nil {
			t.Fatal(err)
		}
		known := answer(&cdi.Request{Dirs: []string{dir}}).Known
		if len(known) > 0 {
			if a := answer(&cdi.Request{Dirs: []string{dir}, Devices: known}); a.Error != "" && !a.Unsupported {
				t.Error(a.Error)
			}
		}
	})
}
