package systemd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/rc-containers/rc/pkg/errs"
)

// DefaultSlice is where podman puts a user's containers too, so that limits which somebody set
// for that slice hold for both.
const DefaultSlice = "user.slice"

// Scope is a unit to be made of running processes.
type Scope struct {
	Name        string // x.scope
	Slice       string // DefaultSlice by default
	Description string
	PIDs        []int // as the bus sees them
	// StopTimeout is how long systemd waits between SIGTERM and SIGKILL, when the session ends for
	// instance; 0 is the manager's default, 90 s as a rule.
	StopTimeout time.Duration
	// Properties are limits. A manager that is too old for one of them gets none of them.
	Properties []Property
}

// Slice checks --cgroup-parent as systemd takes it: NAME.slice, or a path that ends so.
func Slice(parent string) (string, error) {
	name := path.Base(parent)
	stem, ok := strings.CutSuffix(name, ".slice")
	bad := !ok || stem == "" || strings.HasPrefix(stem, "-") && stem != "-" || stem != "-" && strings.HasSuffix(stem, "-") ||
		strings.Contains(stem, "--") || len(name) > 255 || strings.Trim(stem, unitChars) != ""
	if bad {
		return "", errs.Invalidf("--cgroup-parent %q: want a slice, like NAME.slice, with the systemd cgroup manager", parent)
	}
	return name, nil
}

// unitChars are what a unit's name may be made of: VALID_CHARS in systemd.
const unitChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\"

// base are the properties that make a scope what it is.
func (s Scope) base() []Property {
	slice := s.Slice
	if slice == "" {
		slice = DefaultSlice
	}
	pids := make([]uint32, 0, len(s.PIDs))
	for _, pid := range s.PIDs {
		pids = append(pids, uint32(pid))
	}
	list := []Property{
		{"Description", s.Description},
		{"Slice", slice},
		{"Delegate", true},
		{"PIDs", pids},
		// A failed scope would keep its name taken until somebody resets it.
		{"CollectMode", "inactive-or-failed"},
	}
	if s.StopTimeout > 0 {
		list = append(list, Property{"TimeoutStopUSec", uint64(s.StopTimeout.Microseconds())})
	}
	return list
}

// StartScope makes the scope and waits until its processes are in it. It is ErrNoManager when
// nobody does that, errs.ErrExists when the name stays taken.
func (c *Conn) StartScope(ctx context.Context, s Scope) error {
	ctx, cancel := context.WithTimeout(ctx, endurance)
	defer cancel()
	c.match()
	properties := s.Properties
	for attempt := 0; ; attempt++ {
		err := c.start(ctx, s.Name, append(s.base(), properties...))
		switch {
		case err == nil:
			return nil
		case is(err, errProperty) && len(properties) > 0:
			properties = nil
		case is(err, errUnitExists) && attempt < 3:
			// Left by a container of that name that ended a moment ago, or failed.
			if err := errors.Join(c.StopUnit(ctx, s.Name), c.ResetFailed(ctx, s.Name)); err != nil {
				return err
			}
			time.Sleep(20 * time.Millisecond)
		case is(err, errUnitExists):
			return fmt.Errorf("start scope %q: %w: %w", s.Name, err, errs.ErrExists)
		default:
			return fmt.Errorf("start scope %q: %w", s.Name, explain(err))
		}
	}
}

// match subscribes to JobRemoved, before the job is there. No reply is waited for: the bus handles
// a connection's messages in order.
func (c *Conn) match() {
	if c.matched {
		return
	}
	c.matched = true
	c.bus.Signal(c.signals)
	c.bus.BusObject().Go("org.freedesktop.DBus.AddMatch", dbus.FlagNoReplyExpected, nil, jobRule)
}

// property and auxiliary are (sv) and (sa(sv)) of StartTransientUnit.
type property struct {
	Name  string
	Value dbus.Variant
}

type auxiliary struct {
	Name       string
	Properties []property
}

func (c *Conn) start(ctx context.Context, name string, list []Property) error {
	wire := make([]property, 0, len(list))
	for _, p := range list {
		wire = append(wire, property{p.Name, dbus.MakeVariant(p.Value)})
	}
	call := c.bus.Object(destination, managerPath).GoWithContext(ctx, managerIntf+".StartTransientUnit",
		0, make(chan *dbus.Call, 1), name, "fail", wire, []auxiliary{})
	return c.wait(ctx, call)
}

// wait waits for the reply, and for the end of the job that it names. Signals of other jobs are
// the manager's sign of life.
func (c *Conn) wait(ctx context.Context, call *dbus.Call) error {
	result, err := c.waitJob(ctx, call, patience)
	if err == nil {
		err = outcome(result)
	}
	return err
}

// waitJob gives the job's result. Once the job is known there may be silence for as long as atWork.
func (c *Conn) waitJob(ctx context.Context, call *dbus.Call, atWork time.Duration) (string, error) {
	limit := patience
	silence := time.NewTimer(patience)
	defer silence.Stop()
	var job dbus.ObjectPath
	early := map[dbus.ObjectPath]string{} // results that came before the reply
	done := call.Done
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-silence.C:
			return "", fmt.Errorf("no answer for %v: %w", limit, context.DeadlineExceeded)
		case reply := <-done:
			if err := reply.Store(&job); err != nil {
				return "", err
			}
			done, limit = nil, atWork
			if result, ok := early[job]; ok {
				return result, nil
			}
		case signal, ok := <-c.signals:
			if !ok {
				return "", dbus.ErrClosed
			}
			ended, result, ok := parseJobRemoved(signal)
			if !ok {
				break
			}
			if job == "" {
				early[ended] = result
			} else if ended == job {
				return result, nil
			}
		}
		silence.Reset(limit)
	}
}

// parseJobRemoved reads (u id, o job, s unit, s result).
func parseJobRemoved(s *dbus.Signal) (job dbus.ObjectPath, result string, ok bool) {
	if s.Name != jobRemoved || len(s.Body) != 4 {
		return "", "", false
	}
	job, okJob := s.Body[1].(dbus.ObjectPath)
	result, okResult := s.Body[3].(string)
	return job, result, okJob && okResult
}

func outcome(result string) error {
	if result == "done" {
		return nil
	}
	// "failed" is also what a caller in the root cgroup gets: no manager may move it.
	return fmt.Errorf("systemd could not move the processes, its job ended with %q: %w", result, errs.ErrState)
}
