package listing

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
)

func TestTopOptions(t *testing.T) {
	one := selection.Selection{Names: []string{"web"}}
	clitest.Taken(t, newTopCommand, map[string]topOptions{
		"web":              {Selection: one},
		"web pid,user":     {Selection: one, Columns: []string{"pid,user"}},
		"web args %p":      {Selection: one, Columns: []string{"args", "%p"}},
		"web -ef":          {Selection: one, Columns: []string{"-ef"}, PS: true},
		"web -- -o pid,tt": {Selection: one, Columns: []string{"--", "-o", "pid,tt"}, PS: true},
		"web aux":          {Selection: one, Columns: []string{"aux"}, PS: true},
		"-l pid":           {Selection: selection.Selection{Latest: true}, Columns: []string{"pid"}},
	})
	clitest.Refused(t, newTopCommand, map[string]string{"": "", "web nope": "", "web pid,nope": "", "-l pdi": ""})
}

func TestTopOfWhatDoesNotRun(t *testing.T) {
	for _, args := range []string{"made", "failed pid", "made -ef", "nobody"} {
		a := clitest.App(t, false)
		if _, _, err := clitest.Call(t, a, newTopCommand(a, showTop), strings.Fields(args)...); err == nil {
			t.Errorf("top %s: no error", args)
		}
	}
}

func TestFilterPS(t *testing.T) {
	const text = "USER  PID COMMAND\nroot    1 init\nme     20 a b 3\nme    200 c\x1b\n\nme\n"
	var out bytes.Buffer
	if err := filterPS(&out, []byte(text), []int{20, 200, 3}, nil); err != nil {
		t.Fatal(err)
	}
	if want := "USER  PID COMMAND\nme     20 a b 3\nme    200 c\\x1b\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
	if err := filterPS(&out, []byte("USER\nme\n"), nil, []string{"-o", "user"}); err == nil {
		t.Error("no column PID")
	}
}
