package runflags

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCommand(t *testing.T) {
	got, err := ParseCommand([]string{"/bin/rc", "--log-level", "debug", "container", "run", "-dit", "--name", "a b", "-e=X=1", "--rm", "alpine", "sh", "-c", "run --rm"})
	if err != nil {
		t.Fatal(err)
	}
	want := &Command{
		Global: []string{"--log-level", "debug"},
		Flags:  []Flag{{"detach", "true"}, {"interactive", "true"}, {"tty", "true"}, {"name", "a b"}, {"env", "X=1"}, {"rm", "true"}},
		Args:   []string{"alpine", "sh", "-c", "run --rm"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, argv := range [][]string{nil, {"rc"}, {"rc", "run"}, {"run", "alpine"}, {"rc", "run", "--nosuchflag", "alpine"}} {
		if _, err := ParseCommand(argv); err == nil {
			t.Errorf("%q: no error", argv)
		}
	}
}
