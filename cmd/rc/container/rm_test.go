package container

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
)

func TestRmOptions(t *testing.T) {
	clitest.Taken(t, newRmCommand, map[string]rmOptions{
		"a b":                      {Selection: selection.Selection{Names: []string{"a", "b"}}},
		"-f a":                     {Selection: selection.Selection{Names: []string{"a"}, Ignore: true}, Force: true},
		"-t 3 a":                   {Selection: selection.Selection{Names: []string{"a"}, Ignore: true}, Force: true, Timeout: new(uint(3))},
		"--time -1 a":              {Selection: selection.Selection{Names: []string{"a"}, Ignore: true}, Force: true, Timeout: new(uint(40_000_000))},
		"-a -i -v --depend":        {Selection: selection.Selection{All: true, Ignore: true}, Depend: true, Volumes: true},
		"--latest":                 {Selection: selection.Selection{Latest: true}},
		"--filter name=x":          {Selection: selection.Selection{Filters: []string{"name=x"}}},
		"--cidfile f --cidfile=g ": {Selection: selection.Selection{CIDFiles: []string{"f", "g"}}},
	})
	clitest.Refused(t, newRmCommand, map[string]string{"": "", "-a x": "", "-a -l": "", "-l x": "", "--filter a=b x": "", "--time -2 x": "", "--time x x": ""})
}

// removeQuietly is rm without the process that empties the trash: a test is no rc.
func removeQuietly(ctx context.Context, a *cli.App, o *rmOptions) error {
	return o.remove(ctx, a)
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
		a := clitest.App(t, strings.HasPrefix(c.args, "-a"))
		file := filepath.Join(t.TempDir(), "cid")
		if err := os.WriteFile(file, []byte("a0"+strings.Repeat("0", 62)), 0o600); err != nil {
			t.Fatal(err)
		}
		args := strings.Fields(strings.NewReplacer("CID", file, "NONE", file+"x").Replace(c.args))
		out, printed, err := clitest.Call(t, a, newRmCommand(a, removeQuietly), args...)
		text := printed
		if err != nil {
			text += err.Error()
		}
		if out != c.out || errs.Code(err) != c.code || !strings.Contains(text, c.failed) {
			t.Errorf("rm %s: code %d %q, printed %q; want %d %q %q", c.args, errs.Code(err), text, out, c.code, c.failed, c.out)
		}
		var left []string
		entries, _ := records.Of(a.Config).List()
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
	a := clitest.App(t, true)
	if err := os.Remove(filepath.Join(records.Of(a.Config).RunDir("a1"+strings.Repeat("0", 62)), "state.json")); err != nil {
		t.Fatal(err)
	}
	out, printed, err := clitest.Call(t, a, newRmCommand(a, removeQuietly), "-a", "-f")
	if err != nil || strings.Count(out, "\n") != 4 || !strings.Contains(out, strings.Repeat("b", 64)) {
		t.Errorf("%v %s%s", err, out, printed)
	}
	entries, broken := records.Of(a.Config).List()
	if len(entries)+len(broken) > 0 {
		t.Errorf("left: %v %v", entries, broken)
	}
}
