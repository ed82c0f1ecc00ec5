package records

import (
	"errors"
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

func TestSharers(t *testing.T) {
	entry := func(id string) state.Entry { return state.Entry{Summary: spec.Summary{ID: id, Name: "name-" + id}} }
	s := Sharers{
		"a": {entry("b"), entry("c")},
		"c": {entry("d")},
		"x": {entry("y")}, "y": {entry("x")}, // nobody can make these
	}
	for id, want := range map[string]string{"a": "b c d", "b": "", "c": "d", "d": "", "x": "y x", "none": ""} {
		var got []string
		for _, e := range s.Of(id) {
			got = append(got, e.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("of %s: %q, want %q", id, got, want)
		}
	}
	err := s.Check("a", "web", func(id string) bool { return id == "b" })
	if !errors.Is(err, errs.ErrInUse) || !strings.Contains(err.Error(), `"web": it has dependent containers, which share its network or require it: "name-c", "name-d"`) ||
		errs.Hint(err) != "rc rm --depend web" {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
	if err := s.Check("a", "web", func(string) bool { return true }); err != nil {
		t.Errorf("all go along: %v", err)
	}
}
