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
	if _, err := ParseRestart("alwas:3"); err == nil || err.Error() != `"alwas:3": want no, on-failure[:N], always or unless-stopped; did you mean "always"?` {
		t.Errorf("%v", err)
	}
	if _, err := ParsePull("newr"); err == nil || err.Error() != `"newr": want always, missing, never or newer; did you mean "newer"?` {
		t.Errorf("%v", err)
	}
}
