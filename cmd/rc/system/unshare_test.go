package system

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
)

func TestUnshareArguments(t *testing.T) {
	for args, want := range map[string][]string{
		"":                      {},
		"ls -la --rootless-net": {"ls", "-la", "--rootless-net"},
		"-- ls -- x":            {"ls", "--", "x"},
	} {
		a := clitest.App(t, false)
		var got []string
		cmd := newUnshareCommand(a, func(_ context.Context, _ *cli.App, o *unshareOptions) error { got = o.Command; return nil })
		if _, _, err := clitest.Call(t, a, cmd, strings.Fields(args)...); err != nil {
			t.Errorf("unshare %s: %v", args, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("unshare %s: %s", args, diff)
		}
	}
}

func TestCommandError(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{&exec.Error{Name: "x", Err: exec.ErrNotFound}, 127},
		{&exec.Error{Name: "/x", Err: fs.ErrNotExist}, 127},
		{&exec.Error{Name: "/x", Err: fs.ErrPermission}, 126},
		{errors.New("exec format error"), 126},
	} {
		err := commandError("unshare x", c.err)
		if errs.Code(err) != c.code || strings.Count(err.Error(), "x\"") > 0 {
			t.Errorf("%v: code %d, want %d", err, errs.Code(err), c.code)
		}
	}
}

func TestTrashIsInternal(t *testing.T) {
	a := clitest.App(t, false)
	trash, _ := cli.FindVerb(Verbs(a), lifecycle.EmptyTrashVerb)
	if _, _, err := clitest.Call(t, a, trash.Make()); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("on the host: %v", err)
	}
	a.InUserns = true
	root := records.Of(a.Config)
	if err := root.Remove("a0" + strings.Repeat("0", 62)); err != nil || !root.TrashWaits(0) {
		t.Fatalf("nothing in the trash: %v", err)
	}
	if _, _, err := clitest.Call(t, a, trash.Make()); err != nil || root.TrashWaits(0) {
		t.Errorf("something in the trash: %v", err)
	}
}
