// Package parsetest is what the tests of the parsers share.
package parsetest

import (
	"cmp"
	"errors"
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
)

// Refused checks what a parser gave for a value that it must refuse: an error that has word in
// it and is of kind, by default errs.ErrInvalid.
func Refused(t *testing.T, value, word string, kind error, got any, err error) {
	t.Helper()
	kind = cmp.Or(kind, errs.ErrInvalid)
	switch {
	case err == nil:
		t.Errorf("%q gave %v, want an error with %q", value, got, word)
	case !strings.Contains(err.Error(), word):
		t.Errorf("%q: error %q has no %q", value, err, word)
	case !errors.Is(err, kind):
		t.Errorf("%q: error %q is no %v", value, err, kind)
	}
}
