package system

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/system"
)

func TestSystemFlags(t *testing.T) {
	check, err := clitest.Options(t, newCheckCommand, "-rfq", "-m", "1h")
	if diff := cmp.Diff(&system.CheckOptions{Quick: true, Repair: true, Force: true, Max: time.Hour}, check); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if check, err = clitest.Options(t, newCheckCommand); err != nil || check.Max != 24*time.Hour {
		t.Errorf("%+v %v", check, err)
	}
	prune, err := clitest.Options(t, newPruneCommand, "-af", "--volumes", "--build", "--filter", "label=a", "--filter", "until=1h")
	want := &pruneOptions{system.PruneOptions{Containers: true, Images: true, AllImages: true, Volumes: true, Builds: true, Filters: []string{"label=a", "until=1h"}}, true}
	if diff := cmp.Diff(want, prune); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := clitest.Options(t, newMigrateCommand, "--new-runtime", "crun"); err != nil {
		t.Error(err)
	}
	for _, bad := range []struct {
		args string
		err  error
	}{
		{"check --force", second(clitest.Options(t, newCheckCommand, "--force"))},
		{"check --max -1h", second(clitest.Options(t, newCheckCommand, "--max", "-1h"))},
		{"check extra", second(clitest.Options(t, newCheckCommand, "extra"))},
		{"prune --filter name=x", second(clitest.Options(t, newPruneCommand, "--filter", "name=x"))},
		{"prune --filter until=soon", second(clitest.Options(t, newPruneCommand, "--filter", "until=soon"))},
		{"df -v --format json", second(clitest.Options(t, newDfCommand, "-v", "--format", "json"))},
		{"df --format {{.Nothing}}", second(clitest.Options(t, newDfCommand, "--format", "{{.Nothing}}"))},
		{"reset all", second(clitest.Options(t, newResetCommand, "all"))},
	} {
		if !errors.Is(bad.err, errs.ErrInvalid) {
			t.Errorf("%s: %v", bad.args, bad.err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestInternalVerbs: what package system has run in the default map is for nobody else.
func TestInternalVerbs(t *testing.T) {
	a := clitest.App(t, false)
	for _, name := range []string{lifecycle.EmptyTrashVerb, system.MeasureVerb, system.WipeVerb, system.MigrateVerb} {
		v, ok := cli.FindVerb(Verbs(a), name)
		if !ok {
			t.Fatal(name)
		}
		cmd := v.Make()
		if _, _, err := clitest.Call(t, a, cmd); !errors.Is(err, errs.ErrInvalid) || !cmd.Hidden {
			t.Errorf("%s: %v", cmd.Name(), err)
		}
	}
}

// answering gives an app whose standard input says something.
func answering(t *testing.T, text string) *cli.App {
	t.Helper()
	a := clitest.App(t, false)
	path := filepath.Join(t.TempDir(), "answer")
	err := os.WriteFile(path, []byte(text), 0o600)
	if err == nil {
		a.Stdin, err = os.Open(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Stdin.Close() })
	return a
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, " y": true, "n\n": false, "\n": false, "sure\n": false} {
		got, err := cli.Confirm(answering(t, answer), "system prune", "It goes.")
		if got != want || err != nil {
			t.Errorf("%q: %v %v", answer, got, err)
		}
	}
	if _, err := cli.Confirm(answering(t, ""), "system prune", "It goes."); !errors.Is(err, errs.ErrInvalid) || errs.Hint(err) != "rc system prune --force" {
		t.Errorf("nobody: %v, %q", err, errs.Hint(err))
	}
}

// TestUsageOfApp: df without a store, in the namespace.
func TestUsageOfApp(t *testing.T) {
	a := clitest.App(t, false)
	a.InUserns = true
	out, _, err := clitest.Call(t, a, newDfCommand(a, showUsage), "--format", "{{.Type}} {{.Total}} {{.Active}}")
	if want := "Images 0 0\nContainers 3 1\nLocal Volumes 0 0\nBuild Cache 0 0\n"; out != want || err != nil {
		t.Errorf("%q %v", out, err)
	}
	a = clitest.App(t, false)
	a.InUserns = true
	out, _, err = clitest.Call(t, a, newDfCommand(a, showUsage), "-v")
	if err != nil || !strings.Contains(out, "Images space usage:") || !strings.Contains(out, "failed") {
		t.Errorf("%s %v", out, err)
	}
}
