package files

import (
	"testing"

	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/container/files"
)

func TestCpOptions(t *testing.T) {
	in, out := files.End{Container: "web", Path: "/x"}, files.End{Path: "./y"}
	clitest.Taken(t, newCpCommand, map[string]cpOptions{
		"web:/x ./y":                 {in, out, true, false},
		"-a ./y web:/x":              {out, in, true, false},
		"--archive=false ./y web:/x": {out, in, false, false},
		"-L -q --overwrite web:/x -": {in, files.End{Path: "-"}, true, true},
	})
	clitest.Refused(t, newCpCommand, map[string]string{"": "", "web:/x": "", "a b": "", "- -": "", "web:/x y z": "", "web: y": "", ":x y": ""})
}
