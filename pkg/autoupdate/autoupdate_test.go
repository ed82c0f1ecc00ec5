package autoupdate

import (
	"context"
	"errors"
	"testing"

	"github.com/rc-containers/rc/pkg/config"
)

// deaf is a manager that restarts nothing.
type deaf struct{ asked int }

func (d *deaf) RestartUnit(context.Context, string) error {
	d.asked++
	return errors.New("no")
}

// What cannot be pulled leaves the unit as it is.
func TestUpdateUnitPullFails(t *testing.T) {
	u := &updater{cfg: &config.Config{}, o: Options{Rollback: true}, pulled: map[string]error{"a:1": errors.New("offline")}}
	bus := &deaf{}
	result, err := u.updateUnit(t.Context(), bus, "a.service", []*task{{Report: Report{Image: "a:1", Policy: Registry}}})
	if result != failed || err == nil || bus.asked != 0 {
		t.Errorf("%s, %v, restarted %d times", result, err, bus.asked)
	}
}

func TestChangedWantsATag(t *testing.T) {
	u := &updater{cfg: &config.Config{}}
	for _, name := range []string{"", "docker.io/library/a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"} {
		if _, err := u.changed(t.Context(), &task{Report: Report{Image: name, Policy: Local}}); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
}
