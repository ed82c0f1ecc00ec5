package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
	"github.com/rc-containers/rc/pkg/state"
)

// offered is what a shell is offered after the given words; the last one is being typed.
func offered(t *testing.T, words ...string) []string {
	t.Helper()
	code, stdout, _ := rc(t, append([]string{"__completeNoDesc"}, words...)...)
	if code != 0 {
		t.Fatalf("completing %q: code %d", words, code)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	lines = lines[:len(lines)-1]                             // the last one is cobra's directive
	return slices.DeleteFunc(lines, func(line string) bool { // as the shell's script does
		return !strings.HasPrefix(line, words[len(words)-1])
	})
}

func TestComplete(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for line, want := range map[string][]string{
		"ru":                           {"run"},
		"container ls":                 {"ls"},
		"container cre":                {"create"},
		"image r":                      {"rm"},
		"run --pull ":                  parse.PullPolicies(),
		"run --network ":               append(spec.NetworkModes(), "podman"), // and networks
		"run --ipc h":                  {"host"},
		"run --cap-add NET_A":          {"NET_ADMIN"},
		"run --cap-drop A":             {"AUDIT_WRITE", "AUDIT_CONTROL", "AUDIT_READ", "ALL"},
		"run --stop-signal SIGTE":      {"SIGTERM"},
		"run --ulimit nof":             {"nofile="},
		"run --image-volume t":         {"tmpfs"},
		"run --stop-sig":               {"--stop-signal"},
		"run --secret ":                nil,
		"secret rm":                    {"rm"},
		"secret create --driver ":      {"file"},
		"secret ls --filter n":         {"name="},
		"run --restart ":               spec.RestartPolicies(),
		"create --restart un":          {"unless-stopped"},
		"create --health-on-failure ":  parse.HealthActions(),
		"run --detach-keys ":           {parse.DefaultDetachKeys},
		"--cgroup-manager ":            config.CgroupManagers(),
		"--storage-opt mount_program":  {"mount_program=auto", "mount_program=native", "mount_program=fuse-overlayfs"},
		"completion ":                  {"bash", "zsh", "fish"},
		"version --format {{.Client.V": {"{{.Client.Version}}"},
		"info --format {{.Host.Ar":     {"{{.Host.Arch}}"},
	} {
		words := strings.Split(line, " ")
		got := offered(t, words...)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(slices.Compact(got), want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// TestCompleteNames holds that names are those of this moment, and that a verb which is
// being completed neither fails for want of records nor makes any.
func TestCompleteNames(t *testing.T) {
	data, runtime := t.TempDir(), t.TempDir()
	t.Setenv("HOME", t.TempDir())
	at := func(words ...string) []string {
		return offered(t, append([]string{"--root", data, "--runroot", runtime}, words...)...)
	}
	if got := at("rm", ""); len(got) != 0 {
		t.Errorf("without containers: %q", got)
	}
	if got := at("run", ""); len(got) != 0 {
		t.Errorf("without images: %q", got)
	}
	root := state.Root{Data: data, Run: runtime}
	for _, name := range []string{"web", "db"} {
		id, err := state.GenerateID()
		if err != nil {
			t.Fatal(err)
		}
		dir, err := root.Create(id, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := dir.WriteContainer(&spec.Container{ID: id, Name: name, Created: time.Now()}); err != nil {
			t.Fatal(err)
		}
		dir.Close()
	}
	cfg := &config.Config{DataRoot: data, RunRoot: runtime}
	now, err := index.Current(cfg)
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Repeat("abc0", 16)
	err = index.Write(cfg, now, []index.Entry{{ID: id, Names: []string{"docker.io/library/alpine:latest", "quay.io/x/y:1"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ line, want string }{
		{"rm ", "db web"},
		{"rm web ", "db"},
		{"rm w", "web"},
		{"container rm ", "db web"},
		{"inspect w", "web"},
		{"run ", "alpine:latest quay.io/x/y:1"},
		{"run docker", "docker.io/library/alpine:latest"},
		{"run abc", id[:12]},
		{"run --rm -it al", "alpine:latest"},
		{"rmi alpine:latest ", "quay.io/x/y:1"},
		{"tag ", "alpine:latest quay.io/x/y:1"},
		{"image inspect al", "alpine:latest"},
		{"run alpine ", ""},
		{"start ", "db web"},
		{"stop ", ""},
		{"exec ", ""},
		{"rm --all ", ""},
		{"cp w", "web:"},
		{"ps --filter name=w", "name=web"},
		{"run --volumes-from w", "web"},
		{"run --network container:w", ""}, // it does not run
		{"create -v ./x:/y:r", "./x:/y:ro ./x:/y:rprivate ./x:/y:rshared ./x:/y:rslave ./x:/y:rw"},
	} {
		got := at(strings.Split(test.line, " ")...)
		slices.Sort(got)
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q: %q, want %q", test.line, got, test.want)
		}
	}
}
