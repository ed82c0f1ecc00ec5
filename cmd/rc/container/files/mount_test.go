package files

import (
	"context"
	"strings"
	"testing"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
)

func TestMountOptions(t *testing.T) {
	for args, ok := range map[string]bool{
		"": true, "a b": true, "-a": true, "-l": true, "--format json": true, "--no-trunc": true, "--format {{.ID}}": true,
		"-a x": false, "-a -l": false, "--format {{.Nope}}": false, "--format json x": false,
	} {
		a := clitest.App(t, false)
		ran := false
		cmd := newMountCommand(a, func(context.Context, *cli.App, *mountOptions) error { ran = true; return nil })
		if _, _, err := clitest.Call(t, a, cmd, strings.Fields(args)...); (err == nil) != ok || ran != ok {
			t.Errorf("mount %s: %v", args, err)
		}
	}
	for args, ok := range map[string]bool{"a b": true, "-a -f": true, "-l": true, "": false, "-a x": false} {
		a := clitest.App(t, false)
		ran := false
		cmd := newUnmountCommand(a, func(context.Context, *cli.App, *unmountOptions) error { ran = true; return nil })
		if _, _, err := clitest.Call(t, a, cmd, strings.Fields(args)...); (err == nil) != ok || ran != ok {
			t.Errorf("unmount %s: %v", args, err)
		}
	}
}
