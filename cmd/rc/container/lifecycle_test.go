package container

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

func names(s ...string) selection.Selection { return selection.Selection{Names: s} }

func TestStopOptions(t *testing.T) {
	clitest.Taken(t, newStopCommand, map[string]stopOptions{
		"a b":               {Selection: names("a", "b")},
		"-t 3 a":            {Selection: names("a"), StopOptions: lifecycle.StopOptions{Timeout: new(uint(3))}},
		"--time 0 a":        {Selection: names("a"), StopOptions: lifecycle.StopOptions{Timeout: new(uint(0))}},
		"--timeout=-1 a":    {Selection: names("a"), StopOptions: lifecycle.StopOptions{Timeout: new(uint(40_000_000))}},
		"-s hup a":          {Selection: names("a"), StopOptions: lifecycle.StopOptions{Signal: unix.SIGHUP}},
		"-a":                {Selection: selection.Selection{All: true}},
		"-l -i":             {Selection: selection.Selection{Latest: true, Ignore: true}},
		"-f a=b --filter c": {Selection: selection.Selection{Filters: []string{"a=b", "c"}}},
		"--cidfile f a":     {Selection: selection.Selection{Names: []string{"a"}, CIDFiles: []string{"f"}}},
		"-a --filter a=b":   {Selection: selection.Selection{All: true, Filters: []string{"a=b"}}},
	})
	for args, want := range map[string]string{
		"": "--cidfile", "-a x": "--all", "-a -l": "--latest", "-l x": "--latest", "-f a=b x": "--filter", "-t -2 x": "seconds",
		"--timeout -2 x": "--timeout", "-a --cidfile f": "--all",
	} {
		if _, err := clitest.Options(t, newStopCommand, strings.Fields(args)...); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), want) || errs.Hint(err) == "" && !strings.Contains(args, "-2") {
			t.Errorf("stop %s: %v", args, err)
		}
	}
}

func TestKillOptions(t *testing.T) {
	clitest.Taken(t, newKillCommand, map[string]killOptions{
		"a":                    {Selection: names("a"), Signal: unix.SIGKILL},
		"-s hup a":             {Selection: names("a"), Signal: unix.SIGHUP},
		"--signal SIGUSR1 a b": {Selection: names("a", "b"), Signal: unix.SIGUSR1},
		"-s 15 -l":             {Selection: selection.Selection{Latest: true}, Signal: unix.SIGTERM},
	})
	clitest.Refused(t, newKillCommand, map[string]string{"": "name a container", "-s x a": `--signal "x"`, "-s 0 a": `--signal "0"`, "-s 65 a": "--signal"})
}

func TestWaitOptions(t *testing.T) {
	const std = 250 * time.Millisecond
	clitest.Taken(t, newWaitCommand, map[string]waitOptions{
		"a b":      {Selection: names("a", "b"), WaitOptions: lifecycle.WaitOptions{Interval: std}},
		"-i 500 a": {Selection: names("a"), WaitOptions: lifecycle.WaitOptions{Interval: 2 * std}},
		"--interval 2s --condition running --condition healthy a": {
			Selection: names("a"), WaitOptions: lifecycle.WaitOptions{Conditions: []string{"running", "healthy"}, Interval: 2 * time.Second},
		},
		"--ignore --exit-first-match a": {
			Selection: selection.Selection{Names: []string{"a"}, Ignore: true}, WaitOptions: lifecycle.WaitOptions{Interval: std}, FirstMatch: true,
		},
	})
	clitest.Refused(t, newWaitCommand, map[string]string{"": "name a container", "--condition gone a": "healthy", "-i 0 a": "--interval", "-i x a": "--interval"})
}

func TestRenameOptions(t *testing.T) {
	if got, err := clitest.Options(t, newRenameCommand, "a", "b"); err != nil || *got != (renameOptions{"a", "b"}) {
		t.Errorf("%+v %v", got, err)
	}
	clitest.Refused(t, newRenameCommand, map[string]string{"": "", "a": "", "a b c": "", "a b/c": "", "a .b": ""})
}

// full is the id of a container of clitest.App that begins so.
func full(begin string) string { return begin + strings.Repeat("0", 62) }

// TestVerbs are the verbs on containers none of which has a process: "runs" is the test.
func TestVerbs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cid")
	if err := os.WriteFile(file, []byte(full("a2")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		verb, args, out, failed string
		code                    int
	}{
		{"stop", "failed made", "failed\nmade\n", "", 0},
		{"stop", "failed a2 made", "failed\nmade\n", "", 0}, // each once
		{"stop", "nobody failed", "failed\n", `"nobody": not found`, 125},
		{"stop", "--ignore nobody failed", "failed\n", "", 0},
		{"stop", "--cidfile CID", full("a2") + "\n", "", 0},
		{"stop", "--filter status=exited", "", "", 0},
		{"stop", "--filter colour=red", "", "ancestor", 125},
		{"kill", "failed made", "", "it is exited", 125},
		{"kill", "made", "", "rc start made", 125},
		{"kill", "a", "", "3 ids begin with it", 125},
		{"pause", "failed", "", "it is exited", 125},
		{"pause", "runs", "", "cgroup", 125},
		{"unpause", "runs", "", "not paused", 125},
		{"unpause", "--all", "", "", 0},
		{"wait", "failed failed", "3\n", "", 0},
		{"wait", "--condition running runs", "-1\n", "", 0},
		{"wait", "--condition created --condition exited made failed", "-1\n3\n", "", 0},
		{"wait", "--condition healthy runs", "", "no healthcheck", 125},
		{"wait", "failed nobody", "3\n", "not found", 125},
		{"wait", "--ignore failed nobody", "3\n-1\n", "", 0},
		{"wait", "--exit-first-match runs failed", "3\n", "", 0},
		{"wait", "-l", "3\n", "", 0},
		{"rename", "failed done", "", "", 0},
		{"rename", "failed made", "", "already exists", 125},
		{"rename", "nobody x", "", "not found", 125},
		{"update", "--restart always made nobody", full("a0") + "\n", "not found", 125},
		{"update", "--pids-limit 5 runs", "", "cgroup", 125},
		{"update", "--device-read-bps /dev/null:1 made", "", "/dev/null", 125},
		{"cleanup", "failed made", "failed\nmade\n", "", 0},
		{"cleanup", "runs", "", "it is running", 125},
		{"cleanup", "--stopped-only runs", "runs\n", "", 0},
		{"cleanup", "--all", full("a0") + "\n" + full("a2") + "\n", "", 0},
		{"restart", "nobody", "", "not found", 125},
		{"restart", "--running failed", "", "", 0},
		{"exists", "made", "", "", 0},
		{"exists", "nobody", "", "", 1},
		{"exists", "a", "", "3 ids", 125},
	} {
		a := clitest.App(t, false)
		verbs := append(Verbs(a), NounVerbs(a)...)
		v, ok := cli.FindVerb(verbs, c.verb)
		if !ok {
			t.Fatal(c.verb)
		}
		out, printed, err := clitest.Call(t, a, v.Make(), strings.Fields(strings.ReplaceAll(c.args, "CID", file))...)
		text := printed
		if err != nil {
			text += err.Error() + errs.Hint(err)
		}
		if out != c.out || errs.Code(err) != c.code || !strings.Contains(text, c.failed) {
			t.Errorf("%s %s: code %d %q, printed %q; want %d %q %q", c.verb, c.args, errs.Code(err), text, out, c.code, c.failed, c.out)
		}
	}
}

// TestBrokenOfAll: a record that cannot be read is an error of --all, and hides no other.
func TestBrokenOfAll(t *testing.T) {
	a := clitest.App(t, true)
	out, _, err := clitest.Call(t, a, newUnpauseCommand(a, pauseContainers), "--all")
	if out != "" || err == nil || !strings.Contains(err.Error(), "broken record") || errs.Code(err) != 125 {
		t.Errorf("%q %v", out, err)
	}
}

func TestRestartOptions(t *testing.T) {
	clitest.Taken(t, newRestartCommand, map[string]restartOptions{
		"a":            {Selection: names("a")},
		"-t 3 a b":     {Selection: names("a", "b"), StopOptions: lifecycle.StopOptions{Timeout: new(uint(3))}},
		"--running":    {Selection: selection.Selection{All: true}, Running: true},
		"--running a":  {Selection: names("a"), Running: true},
		"-a":           {Selection: selection.Selection{All: true}},
		"-f a=b":       {Selection: selection.Selection{Filters: []string{"a=b"}}},
		"-l --running": {Selection: selection.Selection{Latest: true}, Running: true},
	})
	clitest.Refused(t, newRestartCommand, map[string]string{"": "", "-a x": "", "-t x a": "", "--ignore a": ""})
}

func TestUpdateOptions(t *testing.T) {
	clitest.Taken(t, newUpdateCommand, map[string]updateOptions{
		"-m 64m --pids-limit 0 a": {
			Selection: names("a"),
			UpdateOptions: lifecycle.UpdateOptions{
				Resources: create.Resources{Memory: 64 << 20, PIDsLimit: new(int64(-1))}, Given: []string{"memory", "pids-limit"},
			},
		},
		"--restart on-failure:3 a b": {
			Selection: names("a", "b"), UpdateOptions: lifecycle.UpdateOptions{Restart: &spec.Restart{Policy: "on-failure", Retries: 3}},
		},
		"--cpus 0 -l": {
			Selection: selection.Selection{Latest: true}, UpdateOptions: lifecycle.UpdateOptions{Given: []string{"cpus"}},
		},
	})
	clitest.Refused(t, newUpdateCommand, map[string]string{
		"a": "say what to change", "-m x a": "--memory", "--restart x a": "on-failure", "-m 64m": "name a container", "--cpus -1 a": "--cpus",
	})
}
