package inspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

var update = flag.Bool("update", false, "write the golden files")

func at(second int) time.Time { return time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC) }

// container has something in every field that rc knows.
func container() *spec.Container {
	limit, period, quota, pids := int64(1<<20), uint64(100_000), int64(150_000), int64(100)
	return &spec.Container{
		ID: strings.Repeat("ab", 32), Name: "web", Created: at(0),
		Image:  spec.Image{ID: strings.Repeat("c", 64), Name: "docker.io/library/app:1", Digest: "sha256:" + strings.Repeat("d", 64)},
		Rootfs: spec.Rootfs{Lower: []string{"/l/2", "/l/1"}},
		OCI: specs.Spec{
			Version: "1.2.0", Hostname: "box", Domainname: "example.org", Annotations: map[string]string{"a": "b"},
			Root: &specs.Root{Readonly: true},
			Process: &specs.Process{
				Terminal: true, Args: []string{"/app", "--serve"}, Env: []string{"A=1"}, Cwd: "/srv",
				User:         specs.User{Username: "app:staff", Umask: new(uint32(0o22))},
				Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN", "CAP_SYS_ADMIN"}, Effective: []string{"CAP_CHOWN"}},
				OOMScoreAdj:  new(5), Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 1, Hard: 2}},
			},
			Mounts: []specs.Mount{
				{Destination: "/dev/shm", Type: "tmpfs", Options: []string{"size=65536k"}},
				{Destination: "/tmp", Type: "tmpfs", Options: []string{"rw", "size=1m"}},
				{Destination: "/data", Type: "bind", Source: "/srv", Options: []string{"rbind", "ro", "rslave"}},
			},
			Linux: &specs.Linux{
				Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: specs.NetworkNamespace}},
				Sysctl:     map[string]string{"net.ipv4.ip_forward": "1"}, Devices: []specs.LinuxDevice{{Path: "/dev/fuse"}},
				MaskedPaths: []string{"/proc/keys"},
				Resources: &specs.LinuxResources{
					Memory: &specs.LinuxMemory{Limit: &limit}, CPU: &specs.LinuxCPU{Period: &period, Quota: &quota}, Pids: &specs.LinuxPids{Limit: &pids},
				},
			},
		},
		GroupAdd: []string{"audio"}, Entrypoint: []string{"/app"}, Cmd: []string{"--serve"}, Labels: map[string]string{"tier": "front"},
		CreateCommand: []string{"rc", "run", "app"}, Network: spec.Network{Mode: "slirp4netns"},
		Cgroups: spec.Cgroups{Mode: "enabled", Manager: "systemd", Parent: "app.slice"}, SecurityOpt: []string{"no-new-privileges"},
		Stdin: true, Attach: []string{"stdout"}, Init: true, StopSignal: 37, StopTimeout: 3, Timeout: 60, PIDFile: "/p", CIDFile: "/c",
		ImageVolumes: []string{"/var/lib/app"},
		Restart:      spec.Restart{Policy: "on-failure", Retries: 3},
		Log:          spec.Log{Driver: "json-file", MaxSize: 10_000_000, MaxFiles: 3, Tag: "web"},
		Health: &spec.Health{
			Test: []string{"CMD-SHELL", "true"}, Interval: time.Second, Timeout: 2 * time.Second, Retries: 3, OnFailure: "kill", MaxLogCount: 5, MaxLogSize: 500,
			Startup: &spec.StartupHealth{Test: []string{"CMD", "ready"}, Interval: time.Second, Timeout: time.Second, Successes: 2},
		},
	}
}

// record writes a container's records to a directory with a fixed name in what is shown.
func record(t *testing.T, c *spec.Container, write func(root state.Root) error) (state.Root, *state.Entry) {
	t.Helper()
	root := state.Root{Data: t.TempDir(), Run: t.TempDir()}
	d, err := root.Create(c.ID, c.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.WriteContainer(c), d.Close(), write(root)); err != nil {
		t.Fatal(err)
	}
	e, err := root.Find(c.Name)
	if err != nil {
		t.Fatal(err)
	}
	return root, e
}

// running is a state.json whose shim is the test.
func running(t *testing.T) *spec.State {
	t.Helper()
	start, err := linux.StartTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	return &spec.State{
		ShimPID: os.Getpid(), ShimStart: start, PID: 4711, Started: at(1), Restarts: 2,
		Cgroup: "/sys/fs/cgroup/user.slice/x", Scope: "rc-x.scope", MountProgram: "native",
	}
}

// TestGolden holds the whole of what is shown: names and layout are for programs.
func TestGolden(t *testing.T) {
	c := container()
	root, e := record(t, c, func(root state.Root) error {
		return errors.Join(root.WriteState(c.ID, running(t)), root.WriteHealth(c.ID, &spec.HealthState{
			Status: "healthy", FailingStreak: 1, Log: []spec.HealthResult{{Start: at(2), End: at(3), ExitCode: 1, Output: "no\n"}},
		}))
	})
	i, err := Of(root, e)
	if err != nil {
		t.Fatal(err)
	}
	i.State.ConmonPid, i.SizeRw, i.SizeRootFs = 4710, new(int64(5)), new(int64(50))
	got, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = bytes.ReplaceAll(bytes.ReplaceAll(append(got, '\n'), []byte(root.Data), []byte("/data")), []byte(root.Run), []byte("/run"))
	path := filepath.Join("testdata", "inspect.json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestStates(t *testing.T) {
	c := container()
	exit := &spec.Exit{Code: 3, Started: at(1), Finished: at(9), OOMKilled: true, Stopped: true, Restarts: 5, Error: "e"}
	for name, test := range map[string]struct {
		entry    state.Entry
		want     State
		restarts int
	}{
		"created": {state.Entry{Status: state.Created}, State{Status: "created", Health: Health{Status: "stopped", Log: []HealthLog{}}}, 0},
		"first check": {
			state.Entry{Status: state.Running, State: &spec.State{PID: 2, ShimPID: 1, Started: at(1)}},
			State{Status: "running", Running: true, Pid: 2, ConmonPid: 1, StartedAt: at(1), Health: Health{Status: "starting", Log: []HealthLog{}}},
			0,
		},
		"paused": {
			state.Entry{Status: state.Paused, State: &spec.State{PID: 2, ShimPID: 1, Started: at(1), Restarts: 4}, Exit: exit},
			State{Status: "paused", Paused: true, Pid: 2, ConmonPid: 1, StartedAt: at(1), Health: Health{Status: "starting", Log: []HealthLog{}}},
			4,
		},
		"restarting": {
			state.Entry{Status: state.Restarting, State: &spec.State{ShimPID: 1, Started: at(1), Restarts: 4}, Exit: exit},
			State{
				Status: "restarting", Restarting: true, ConmonPid: 1, StartedAt: at(1), FinishedAt: at(9), ExitCode: 3, OOMKilled: true,
				StoppedByUser: true, Error: "e", Health: Health{Status: "starting", Log: []HealthLog{}},
			},
			4,
		},
		"exited": {
			state.Entry{Status: state.Exited, Exit: exit, Health: &spec.HealthState{Status: "healthy"}},
			State{
				Status: "exited", StartedAt: at(1), FinishedAt: at(9), ExitCode: 3, OOMKilled: true, StoppedByUser: true, Error: "e",
				Health: Health{Status: "stopped", Log: []HealthLog{}},
			},
			5,
		},
	} {
		test.want.OciVersion = c.OCI.Version
		if diff := cmp.Diff(test.want, stateOf(c, &test.entry)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if n := restarts(&test.entry); n != test.restarts {
			t.Errorf("%s: restarted %d times, want %d", name, n, test.restarts)
		}
	}
}

// TestTemplates: what scripts written for docker and podman ask for.
func TestTemplates(t *testing.T) {
	c := container()
	root, e := record(t, c, func(root state.Root) error { return root.WriteState(c.ID, running(t)) })
	with, err := Of(root, e)
	if err != nil {
		t.Fatal(err)
	}
	c.Health, c.Restart, c.Log = nil, spec.Restart{}, spec.Log{}
	root, e = record(t, c, func(state.Root) error { return nil })
	without, err := Of(root, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		template, want string
		of             *Container
	}{
		{"{{.State.Health.Status}} {{len .State.Health.Log}}", "starting 0\n", with},
		{"{{.State.Health.Status}}{{if .State.Health.Log}}log{{end}}", "\n", without},
		{"{{json .State.Health}}", `{"Status":"starting","FailingStreak":0,"Log":[]}` + "\n", with},
		{"{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}} {{.RestartCount}}", "on-failure:3 2\n", with},
		{"{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.LogConfig.Type}} {{.HostConfig.LogConfig.Size}}", "no k8s-file 0B\n", without},
		{"{{eq .LogPath .HostConfig.LogConfig.Path}}", "true\n", with},
		{`{{index .HostConfig.LogConfig.Config "max-size"}}`, "10000000\n", with},
		{"{{json .Config.Healthcheck.Test}} {{.Config.Healthcheck.Interval}}", `["CMD-SHELL","true"] 1s` + "\n", with},
		{`{{join .Config.Entrypoint " "}} {{.Config.StopSignal}}`, "/app 37\n", with},
		{"{{range .Mounts}}{{.Source}}:{{.Destination}}{{end}}", "/srv:/data\n", with},
		{`{{.HostConfig.CpuShares}} {{.HostConfig.Dns}} {{.Id}}`, "0 [] " + c.ID + "\n", with},
		{`{{range $name, $n := .NetworkSettings.Networks}}{{$name}} {{$n.IPAddress}}{{end}} {{.NetworkSettings.SandboxKey}}`, "slirp4netns  /proc/4711/ns/net\n", with},
	} {
		var out strings.Builder
		if err := format.PrintOne(&out, test.template, test.of); err != nil || out.String() != test.want {
			t.Errorf("%s: %q, %v, want %q", test.template, out.String(), err, test.want)
		}
	}
	text, err := json.Marshal(without)
	if err != nil || bytes.Contains(text, []byte(`"Health"`)) || bytes.Contains(text, []byte(`"Healthcheck"`)) {
		t.Errorf("without a healthcheck: %v %s", err, text)
	}
}

func TestBlockDevice(t *testing.T) {
	sys := t.TempDir()
	if err := os.MkdirAll(sys+"/8:16", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sys+"/8:16/uevent", []byte("MAJOR=8\nDEVNAME=sdb\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if a, b := blockDevice(sys, 8, 16), blockDevice(sys, 8, 17); a != "/dev/sdb" || b != "8:17" {
		t.Errorf("%s %s", a, b)
	}
}
