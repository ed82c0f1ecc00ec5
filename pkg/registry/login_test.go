package registry

import (
	"errors"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestLoginKey(t *testing.T) {
	for value, want := range map[string]string{
		"docker.io": "docker.io", "localhost:5000": "localhost:5000", "quay.io/": "quay.io",
		"quay.io/team": "quay.io/team", "quay.io/team/app": "quay.io/team/app",
	} {
		if got, err := LoginKey(value); err != nil || got != want {
			t.Errorf("%q: %q, %v", value, got, err)
		}
	}
	for _, bad := range []string{"", "/", "https://quay.io", "quay.io/app:1", "quay.io/UPPER", "two words", "quay.io/app@sha256:" + "00"} {
		if _, err := LoginKey(bad); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
