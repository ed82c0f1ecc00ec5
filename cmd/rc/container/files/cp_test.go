package files

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/container/files"
)

func TestCpOptions(t *testing.T) {
	in, out := files.End{Container: "web", Path: "/x"}, files.End{Path: "./y"}
	for args, want := range map[string]cpOptions{
		"web:/x ./y":                 {in, out, true, false},
		"-a ./y web:/x":              {out, in, true, false},
		"--archive=false ./y web:/x": {out, in, false, false},
		"-L -q --overwrite web:/x -": {in, files.End{Path: "-"}, true, true},
	} {
		a := clitest.App(t, false)
		var got cpOptions
		cmd := newCpCommand(a, func(_ context.Context, _ *cli.App, o *cpOptions) error { got = *o; return nil })
		if _, _, err := clitest.Call(t, a, cmd, strings.Fields(args)...); err != nil {
			t.Errorf("cp %s: %v", args, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cp %s: %s", args, diff)
		}
	}
	for _, args := range []string{"", "web:/x", "a b", "- -", "web:/x y z", "web: y", ":x y"} {
		a := clitest.App(t, false)
		cmd := newCpCommand(a, func(context.Context, *cli.App, *cpOptions) error { t.Errorf("cp %s is taken", args); return nil })
		if _, _, err := clitest.Call(t, a, cmd, strings.Fields(args)...); err == nil {
			t.Errorf("cp %s: no error", args)
		}
	}
}
