package oci

import (
	"slices"
	"testing"
)

// TestSearch: the files that a command may mean.
func TestSearch(t *testing.T) {
	for path, want := range map[string][]string{
		"PATH=/bin:/usr/bin/": {"/bin/x", "/usr/bin/x"},
		"PATH=":               {"./x"},
		"PATH=rel::/bin":      {"rel/x", "./x", "/bin/x"},
	} {
		if got := search("x", []string{"A=b", path}); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := search("x", nil); len(got) != 6 || got[5] != "/bin/x" {
		t.Errorf("%q", got)
	}
}
