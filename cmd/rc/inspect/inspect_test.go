package inspect

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/state"
)

func TestInspect(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-f {{.Id}}/{{.Name}}/{{.State.Status}} runs made", "a1" + strings.Repeat("0", 62) + "/runs/running\na0" + strings.Repeat("0", 62) + "/made/created\n"},
		{"-l --format {{.State.ExitCode}}", "3\n"},
		{"--type container -f {{json.Config.Labels}} failed", "{\"k\":\"vfailed\"}\n"},
	} {
		a := clitest.App(t, false)
		args := strings.Fields(c.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "json.", "json .")
		}
		out, _, err := clitest.Call(t, a, newCommand(a, both, show), args...)
		if out != c.want || err != nil {
			t.Errorf("inspect %s: %q %v", c.args, out, err)
		}
	}
	for _, c := range []struct{ args, out, want string }{
		{"", "", "name a container"},
		{"-l x", "", "--latest"},
		{"--type pod x", "", "want one of all, container, image, network, volume"},
		{"-l -t volume", "", "--latest"},
		{"-t volume nobody", "[]\n", `volume "nobody"`},
		{"-t network nobody", "[]\n", `network "nobody"`},
		{"-f {{.Colour}} runs", "", `no field ".Colour"`},
		{"-t container nobody", "[]\n", `container "nobody"`},
		{"-t image nobody", "[]\n", `image "nobody"`},
		{"nobody", "[]\n", "no container, image, volume or network"},
		{"-f {{.Name}} nobody runs", "runs\n", "no container, image, volume or network"},
	} {
		a := clitest.App(t, false)
		out, _, err := clitest.Call(t, a, newCommand(a, both, show), strings.Fields(c.args)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || out != c.out {
			t.Errorf("inspect %s: %q %v", c.args, out, err)
		}
	}
}

// Each says what is its own.
func TestInspectHelp(t *testing.T) {
	for kind, c := range map[string]struct{ name, not string }{
		both:       {"a container, an image, a volume or a network", "rc image"},
		containers: {"a container", "volume"},
		images:     {"an image", "--type"},
	} {
		a := clitest.App(t, false)
		cmd := newCommand(a, kind, show)
		if said := cmd.Short + cmd.Long + cmd.Example; strings.Contains(said, c.not) {
			t.Errorf("help of %s: %s", kind, said)
		}
		_, _, err := clitest.Call(t, a, cmd)
		if err == nil || !strings.HasSuffix(err.Error(), ": name "+c.name) {
			t.Errorf("%s without a name: %v", kind, err)
		}
	}
}

func TestInspectJSON(t *testing.T) {
	a := clitest.App(t, false)
	out, _, err := clitest.Call(t, a, newCommand(a, containers, show), "runs")
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
