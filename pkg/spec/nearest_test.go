package spec

import (
	"errors"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestMeant(t *testing.T) {
	words := []string{"always", "on-failure", "unless-stopped", "no"}
	for word, want := range map[string]string{
		"alwasy": `; did you mean "always"?`, "on-failre": `; did you mean "on-failure"?`, "never": "", "": "", "x": "",
	} {
		if got := Meant(word, words); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	err := NotFound("container", "wbe", []string{"db", "web"})
	if want := `container "wbe": not found; did you mean "web"?`; err.Error() != want || !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestNearest(t *testing.T) {
	words := []string{"run", "rm", "ps", "images", "inspect"}
	for word, want := range map[string]string{"rn": "run", "image": "images", "inspct": "inspect", "xyz": "", "pss": "ps"} {
		if got := Nearest(word, words); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
