package format

import (
	"os"
	"testing"

	"github.com/rc-containers/rc/test/testns"
)

func TestTerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	testns.Need(t, err)
	defer terminal.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, c := range []struct {
		f                *os.File
		term, noColor    string
		redraws, colours bool
	}{
		{terminal, "xterm", "", true, true},
		{terminal, "", "", true, true},
		{terminal, "xterm", "1", true, false},
		{terminal, "dumb", "", false, false},
		{null, "xterm", "", false, false},
	} {
		t.Setenv("TERM", c.term)
		t.Setenv("NO_COLOR", c.noColor)
		if redraws, colours := Redraws(c.f), Colours(c.f); redraws != c.redraws || colours != c.colours {
			t.Errorf("%s with TERM=%s NO_COLOR=%s: redraws %v, colours %v", c.f.Name(), c.term, c.noColor, redraws, colours)
		}
	}
}
