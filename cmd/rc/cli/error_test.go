package cli

import (
	"bytes"
	"context"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestReport(t *testing.T) {
	var out bytes.Buffer
	if code := Report(&out, errs.Exit(7)); code != 7 || out.Len() > 0 {
		t.Errorf("code %d, %q", code, out.String())
	}
	if code := Report(&out, errs.WithHint(errs.WithCode(context.Canceled, 126), "try again")); code != 126 {
		t.Errorf("code %d", code)
	}
	if out.String() != "Error: interrupted\nHint: try again\n" {
		t.Errorf("%q", out.String())
	}
}
