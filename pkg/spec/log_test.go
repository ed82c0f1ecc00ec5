package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLogFile(t *testing.T) {
	got := []string{Log{}.File("/c"), Log{Path: "/x"}.File("/c")}
	if d := cmp.Diff([]string{"/c/ctr.log", "/x"}, got); d != "" {
		t.Error(d)
	}
}
