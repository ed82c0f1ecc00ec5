package listing

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/errs"
)

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
		a := clitest.App(t, false)
		// An underscore is a blank in this table.
		args := strings.Fields(c.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "_", " ")
		}
		out, warned, err := clitest.Call(t, a, newPsCommand(a, printContainers), args...)
		if strings.Contains(c.args, "--format") {
			c.want = strings.ReplaceAll(c.want, "_", " ")
		}
		if diff := cmp.Diff(c.want, out); diff != "" || err != nil || warned != "" {
			t.Errorf("ps %s: %v %s%s", c.args, err, warned, diff)
		}
	}
}

func TestPsJSON(t *testing.T) {
	a := clitest.App(t, true)
	out, warned, err := clitest.Call(t, a, newPsCommand(a, printContainers), "-a", "--format", "json")
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
		a := clitest.App(t, false)
		out, _, err := clitest.Call(t, a, newPsCommand(a, printContainers), strings.Fields(c.args)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || out != "" || errs.Code(err) != 125 {
			t.Errorf("ps %s: %v, %q; want %q", c.args, err, out, c.want)
		}
	}
}
