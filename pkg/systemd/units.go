package systemd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/rc-containers/rc/pkg/errs"
)

// UnitState is what a manager says of a unit: systemctl's LOAD, ACTIVE and SUB. Of a unit that is
// not there Load is not-found.
type UnitState struct{ Load, Active, Sub string }

// unitStatus is (ssssssouso) of ListUnitsByNames.
type unitStatus struct {
	Name, Description, Load, Active, Sub, Following string
	Path                                            dbus.ObjectPath
	JobID                                           uint32
	JobType                                         string
	JobPath                                         dbus.ObjectPath
}

// UnitStates are the states of units, by name.
func (c *Conn) UnitStates(ctx context.Context, names []string) (map[string]UnitState, error) {
	var list []unitStatus
	if len(names) == 0 {
		return nil, nil
	}
	if err := c.call(ctx, managerPath, managerIntf+".ListUnitsByNames", names).Store(&list); err != nil {
		return nil, fmt.Errorf("ask systemd for units: %w", explain(err))
	}
	states := make(map[string]UnitState, len(list))
	for _, u := range list {
		states[u.Name] = UnitState{u.Load, u.Active, u.Sub}
	}
	return states, nil
}

// Reload has the manager start its generators and read all units again, as systemctl daemon-reload
// does. It waits for that.
func (c *Conn) Reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endurance)
	defer cancel()
	if err := c.bus.Object(destination, managerPath).CallWithContext(ctx, managerIntf+".Reload", 0).Err; err != nil {
		return fmt.Errorf("reload systemd: %w", explain(err))
	}
	return nil
}

// StopAndWait ends a unit and waits until it has ended, or the context has; a unit that is not there has.
func (c *Conn) StopAndWait(ctx context.Context, unit string) error {
	c.match()
	var job dbus.ObjectPath
	if err := c.call(ctx, managerPath, managerIntf+".StopUnit", unit, "replace").Store(&job); err != nil {
		if is(err, errNoUnit) {
			return nil
		}
		return fmt.Errorf("stop unit %q: %w", unit, explain(err))
	}
	// The signal may have come before the reply; the manager knows.
	poll := time.NewTicker(patience / 4)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop unit %q: %w", unit, ctx.Err())
		case signal, ok := <-c.signals:
			if !ok {
				return fmt.Errorf("stop unit %q: %w", unit, explain(dbus.ErrClosed))
			}
			ended, result, ok := parseJobRemoved(signal)
			if !ok || ended != job {
				continue
			}
			if result != "done" {
				return fmt.Errorf("stop unit %q: its job ended with %q: %w", unit, result, errs.ErrState)
			}
			return nil
		case <-poll.C:
			states, err := c.UnitStates(ctx, []string{unit})
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			if active := states[unit].Active; err == nil && (active == "inactive" || active == "failed") {
				return nil
			}
		}
	}
}
