package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// withRecords is an app with three containers: one made, one that runs (in the person of
// the test), one that failed; and one whose record is broken, if asked for.
func withRecords(t *testing.T, broken bool) *app {
	t.Helper()
	dir := t.TempDir()
	a := &app{cfg: &config.Config{DataRoot: filepath.Join(dir, "data"), RunRoot: filepath.Join(dir, "run")}}
	for _, f := range []struct {
		name string
		file **os.File
	}{{"out", &a.stdout}, {"err", &a.stderr}} {
		file, err := os.Create(filepath.Join(dir, f.name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		*f.file = file
	}
	root := container.Records(a.cfg)
	base := time.Now().Add(-time.Hour)
	for i, name := range []string{"made", "runs", "failed"} {
		id := fmt.Sprintf("%02x%062d", 0xa0+i, 0)
		d, err := root.Create(id, name)
		if err != nil {
			t.Fatal(err)
		}
		err = d.WriteContainer(&spec.Container{
			ID: id, Name: name, Created: base.Add(time.Duration(i) * time.Minute), StopSignal: 15,
			Image:  spec.Image{ID: strings.Repeat("f", 64), Name: "docker.io/library/alpine:latest"},
			Labels: map[string]string{"k": "v" + name}, Network: spec.Network{Mode: "none"},
			OCI: specs.Spec{Process: &specs.Process{Args: []string{"sh", "-c", "echo \x1b[31m 0123456789"}}},
		})
		if err := errors.Join(err, d.Close()); err != nil {
			t.Fatal(err)
		}
		switch name {
		case "runs":
			start, err := linux.StartTime(os.Getpid())
			if err != nil {
				t.Fatal(err)
			}
			err = root.WriteState(id, &spec.State{ShimPID: os.Getpid(), ShimStart: start, PID: 4711, Started: base.Add(30 * time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
		case "failed":
			if err := root.WriteExit(id, &spec.Exit{Code: 3, Started: base, Finished: base.Add(58 * time.Minute)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if broken {
		dir := root.Dir(strings.Repeat("b", 64))
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "container.json"), []byte("{"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// call runs one verb and gives what it printed.
func call(t *testing.T, a *app, cmd *cobra.Command, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetFlagErrorFunc(flagError)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	read := func(file *os.File) string {
		data, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	return read(a.stdout), read(a.stderr), err
}

func TestPs(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{
			"", "CONTAINER ID  IMAGE                            COMMAND               CREATED         STATUS         PORTS       NAMES\n" +
				"a10000000000  docker.io/library/alpine:latest  sh -c echo \\x1b[3...  59 minutes ago  Up 30 minutes              runs\n",
		},
		{"-q", "a10000000000\n"},
		{"-aq --no-trunc", "a0" + strings.Repeat("0", 62) + "\na1" + strings.Repeat("0", 62) + "\na2" + strings.Repeat("0", 62) + "\n"},
		{"--noheading --format table{{.Names}}", "runs\n"},
		{"-a --format {{.Names}}:{{.Status}}:{{.State}}:{{.ExitCode}}:{{.Pid}}", "made:Created:created:0:0\nruns:Up_30_minutes:running:0:4711\nfailed:Exited_(3)_2_minutes_ago:exited:3:0\n"},
		{`-l --format {{.Label_"k"}}|{{index_.Labels_"k"}}|{{.Networks}}|{{.RunningFor}}`, "vfailed|vfailed|none|58_minutes_ago\n"},
		{"-n 2 -q --sort names", "a20000000000\na10000000000\n"},
		{"-f status=exited -q", "a20000000000\n"},
		{"-q --filter name=made", ""},
		{"-aq --filter name=made --external --sync", "a00000000000\n"},
	} {
		a := withRecords(t, false)
		// An underscore is a blank in this table.
		args := strings.Fields(c.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "_", " ")
		}
		out, warned, err := call(t, a, newPsCommand(a, printContainers), args...)
		if strings.Contains(c.args, "--format") {
			c.want = strings.ReplaceAll(c.want, "_", " ")
		}
		if diff := cmp.Diff(c.want, out); diff != "" || err != nil || warned != "" {
			t.Errorf("ps %s: %v %s%s", c.args, err, warned, diff)
		}
	}
}

func TestPsJSON(t *testing.T) {
	a := withRecords(t, true)
	out, warned, err := call(t, a, newPsCommand(a, printContainers), "-a", "--format", "json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != 3 {
		t.Fatalf("%v: %s", err, out)
	}
	if r := rows[2]; r["Id"] != "a2"+strings.Repeat("0", 62) || r["ExitCode"] != 3.0 || r["Names"].([]any)[0] != "failed" || r["State"] != "exited" {
		t.Errorf("%v", r)
	}
	if !regexp.MustCompile(`^Warning: container b{12}: broken record: .*container.json.*\n$`).MatchString(warned) {
		t.Errorf("warned: %q", warned)
	}
}

func TestPsRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"extra", `got "extra"`},
		{"-n 2 -l", "--latest"},
		{"-q -s", "--size"},
		{"-w 1 -l", "--latest"},
		{"-n -5", "-5"},
		{"--sort colour", "runningfor"},
		{"--format {{.Colour}}", ".Names"},
		{"--format {{.ID", "unclosed"},
		{"--pod", "not supported yet"},
		{"--filter colour=red", "ancestor"},
		{"--filter since=nobody", "not found"},
	} {
		a := withRecords(t, false)
		out, _, err := call(t, a, newPsCommand(a, printContainers), strings.Fields(c.args)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || out != "" || errs.Code(err) != 125 {
			t.Errorf("ps %s: %v, %q; want %q", c.args, err, out, c.want)
		}
	}
}

func TestRmOptions(t *testing.T) {
	for args, want := range map[string]rmOptions{
		"a b":                      {Names: []string{"a", "b"}},
		"-f a":                     {Names: []string{"a"}, Force: true},
		"-t 3 a":                   {Names: []string{"a"}, Force: true, Timeout: new(uint(3))},
		"--time -1 a":              {Names: []string{"a"}, Force: true, Timeout: new(uint(100_000))},
		"-a -i -v --depend":        {All: true, Ignore: true},
		"--latest":                 {Latest: true},
		"--filter name=x":          {Filters: []string{"name=x"}},
		"--cidfile f --cidfile=g ": {CIDFiles: []string{"f", "g"}},
	} {
		a := withRecords(t, false)
		var got rmOptions
		cmd := newRmCommand(a, func(_ context.Context, _ *app, o *rmOptions) error { got = *o; return nil })
		if _, _, err := call(t, a, cmd, strings.Fields(args)...); err != nil {
			t.Errorf("rm %s: %v", args, err)
		}
		if len(got.Names) == 0 {
			got.Names = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rm %s: %s", args, diff)
		}
	}
	for _, args := range []string{"", "-a x", "-a -l", "-l x", "--filter a=b x", "--time -2 x", "--time x x"} {
		a := withRecords(t, false)
		cmd := newRmCommand(a, func(context.Context, *app, *rmOptions) error { t.Errorf("rm %s is taken", args); return nil })
		if _, _, err := call(t, a, cmd, strings.Fields(args)...); err == nil {
			t.Errorf("rm %s: no error", args)
		}
	}
}

// removeQuietly is rm without the process that empties the trash: a test is no rc.
func removeQuietly(ctx context.Context, a *app, o *rmOptions) error {
	victims, err := o.victims(container.Records(a.cfg))
	if err != nil {
		return err
	}
	return o.removed(ctx, a, victims)
}

func TestRm(t *testing.T) {
	for _, c := range []struct {
		args, out, failed string
		code              int
		left              string
	}{
		{"made", "made\n", "", 0, "runs failed"},
		{"a0 made", "a0\n", "", 0, "runs failed"},
		{"made nobody", "made\n", `container "nobody": not found`, 1, "runs failed"},
		{"-i made nobody", "made\n", "", 0, "runs failed"},
		{"nobody runs made", "made\n", "running", 2, "runs failed"},
		{"-a", "a0" + strings.Repeat("0", 62) + "\na2" + strings.Repeat("0", 62) + "\n", "running", 125, "runs"},
		{"-f --filter status=created", "a0" + strings.Repeat("0", 62) + "\n", "", 0, "runs failed"},
		{"--filter status=exited", "a2" + strings.Repeat("0", 62) + "\n", "", 0, "made runs"},
		{"--filter name=nobody", "", "", 0, "made runs failed"},
		{"-l", "a2" + strings.Repeat("0", 62) + "\n", "", 0, "made runs"},
		{"--cidfile CID", "a0" + strings.Repeat("0", 62) + "\n", "", 0, "runs failed"},
		{"--cidfile NONE", "", "no such file", 125, "made runs failed"},
		{"-i --cidfile NONE made", "made\n", "", 0, "runs failed"},
	} {
		a := withRecords(t, strings.HasPrefix(c.args, "-a"))
		file := filepath.Join(t.TempDir(), "cid")
		if err := os.WriteFile(file, []byte("a0"+strings.Repeat("0", 62)), 0o600); err != nil {
			t.Fatal(err)
		}
		args := strings.Fields(strings.NewReplacer("CID", file, "NONE", file+"x").Replace(c.args))
		out, printed, err := call(t, a, newRmCommand(a, removeQuietly), args...)
		text := printed
		if err != nil {
			text += err.Error()
		}
		if out != c.out || errs.Code(err) != c.code || !strings.Contains(text, c.failed) {
			t.Errorf("rm %s: code %d %q, printed %q; want %d %q %q", c.args, errs.Code(err), text, out, c.code, c.failed, c.out)
		}
		var left []string
		entries, _ := container.Records(a.cfg).List()
		for _, e := range entries {
			left = append(left, e.Name)
		}
		if got := strings.Join(left, " "); got != c.left {
			t.Errorf("rm %s: left %q, want %q", c.args, got, c.left)
		}
	}
}

// TestRmBroken: rm -af takes away what cannot be read, too.
func TestRmBroken(t *testing.T) {
	a := withRecords(t, true)
	if err := os.Remove(filepath.Join(container.Records(a.cfg).RunDir("a1"+strings.Repeat("0", 62)), "state.json")); err != nil {
		t.Fatal(err)
	}
	out, printed, err := call(t, a, newRmCommand(a, removeQuietly), "-a", "-f")
	if err != nil || strings.Count(out, "\n") != 4 || !strings.Contains(out, strings.Repeat("b", 64)) {
		t.Errorf("%v %s%s", err, out, printed)
	}
	entries, broken := container.Records(a.cfg).List()
	if len(entries)+len(broken) > 0 {
		t.Errorf("left: %v %v", entries, broken)
	}
}

func TestInspect(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-f {{.Id}}/{{.Name}}/{{.State.Status}} runs made", "a1" + strings.Repeat("0", 62) + "/runs/running\na0" + strings.Repeat("0", 62) + "/made/created\n"},
		{"-l --format {{.State.ExitCode}}", "3\n"},
		{"--type container -f {{json.Config.Labels}} failed", "{\"k\":\"vfailed\"}\n"},
	} {
		a := withRecords(t, false)
		args := strings.Fields(c.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "json.", "json .")
		}
		out, _, err := call(t, a, newInspectCommand(a, inspectAll, printInspection), args...)
		if out != c.want || err != nil {
			t.Errorf("inspect %s: %q %v", c.args, out, err)
		}
	}
	for _, c := range []struct{ args, out, want string }{
		{"", "", "name a container"},
		{"-l x", "", "--latest"},
		{"--type volume x", "", "want all, container or image"},
		{"-f {{.Colour}} runs", "", `no field ".Colour"`},
		{"-t container nobody", "[]\n", `container "nobody"`},
		{"-t image nobody", "[]\n", `image "nobody"`},
		{"nobody", "[]\n", "no container and no image"},
		{"-f {{.Name}} nobody runs", "runs\n", "no container and no image"},
	} {
		a := withRecords(t, false)
		out, _, err := call(t, a, newInspectCommand(a, inspectAll, printInspection), strings.Fields(c.args)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || out != c.out {
			t.Errorf("inspect %s: %q %v", c.args, out, err)
		}
	}
}

func TestInspectJSON(t *testing.T) {
	a := withRecords(t, false)
	out, _, err := call(t, a, newInspectCommand(a, inspectContainer, printInspection), "runs")
	if err != nil {
		t.Fatal(err)
	}
	var got []struct {
		ID    string `json:"Id"`
		Path  string
		State struct {
			Status  string
			Running bool
			Pid     int
		}
		HostConfig struct{ NetworkMode string }
		Mounts     []any
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	g := got[0]
	if g.ID[:2] != "a1" || g.Path != "sh" || g.State.Status != state.Running || g.State.Pid != 4711 || g.HostConfig.NetworkMode != "none" || g.Mounts == nil {
		t.Errorf("%+v", g)
	}
}
