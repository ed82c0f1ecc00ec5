package systemd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/rc-containers/rc/pkg/errs"
)

// ErrNoManager says that no systemd manager answers for the user: no bus, nobody behind it, or
// silence.
var ErrNoManager = errors.New("no systemd user manager")

const (
	// patience is how long a bus or a manager may be silent.
	patience = 2 * time.Second
	// jobPatience is how long a job may go on: systemd bounds it by the unit's own timeouts, which may be lifted.
	jobPatience = time.Hour
	// endurance is how long a busy manager is waited for: 50 containers started at once take
	// 0.7 s on a small machine and ten times that in an emulated one.
	endurance = 30 * time.Second

	destination = "org.freedesktop.systemd1"
	managerPath = dbus.ObjectPath("/org/freedesktop/systemd1")
	managerIntf = "org.freedesktop.systemd1.Manager"
	propertyGet = "org.freedesktop.DBus.Properties.Get"
	jobRemoved  = managerIntf + ".JobRemoved"
	jobRule     = "type='signal',sender='" + destination + "',path='/org/freedesktop/systemd1',interface='" +
		managerIntf + "',member='JobRemoved'"
)

// Conn is a connection to the bus on which a user's manager is. It is not for use by several
// goroutines at once. Close it.
type Conn struct {
	bus     *dbus.Conn
	signals chan *dbus.Signal
	matched bool
}

// Connect finds the bus of the user with that id. It takes two seconds at most; an error is
// ErrNoManager, and more precisely ErrNoSystemd.
func Connect(ctx context.Context, uid int) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := ErrNoManager
	between := ": "
	for _, socket := range sockets(uid) {
		c, problem := dial(ctx, socket)
		if problem == nil {
			return c, nil
		}
		err = fmt.Errorf("%w%sconnect to bus %q: %w", err, between, socket, problem)
		between = "; " // all on one line
		if ctx.Err() != nil {
			break
		}
	}
	if !Booted() && ctx.Err() == nil {
		return nil, ErrNoSystemd
	}
	return nil, err
}

func dial(ctx context.Context, socket string) (*Conn, error) {
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, rootCause(err)
	}
	// The library's handshake takes no context: the deadline is what ends its reads.
	deadline, _ := ctx.Deadline()
	if err := raw.SetDeadline(deadline); err != nil {
		_ = raw.Close()
		return nil, err
	}
	bus, err := dbus.NewConn(raw)
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	if err := handshake(bus); err != nil {
		_ = bus.Close()
		return nil, err
	}
	if err := raw.SetDeadline(time.Time{}); err != nil {
		_ = bus.Close()
		return nil, err
	}
	return &Conn{bus: bus, signals: make(chan *dbus.Signal, 256)}, nil
}

// handshake leaves it to the socket's credentials who the caller is: the library sends no identity
// with EXTERNAL, so that it does not matter what ids a user namespace shows.
func handshake(bus *dbus.Conn) error {
	if err := bus.Auth([]dbus.Auth{dbus.AuthExternal("")}); err != nil {
		return rootCause(err)
	}
	return rootCause(bus.Hello())
}

// rootCause leaves off "dial unix /path:", which the caller says better.
func rootCause(err error) error {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok {
		return err
	}
	if call, ok := errors.AsType[*os.SyscallError](op.Err); ok {
		return call.Err
	}
	return op.Err
}

// Close ends the connection; what was started goes on.
func (c *Conn) Close() error { return c.bus.Close() }

// call leaves the bus's auto-start on. It starts nothing (systemd's service file has /bin/false),
// but it makes a bus that was itself socket-activated by this connection, as the first one after
// boot is, wait for the manager to appear on it, instead of refusing the call.
func (c *Conn) call(ctx context.Context, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.bus.Object(destination, path).CallWithContext(ctx, method, 0, args...)
}

// ManagerCgroup is the manager's own cgroup path: /user.slice/user-1000.slice/user@1000.service,
// "" for the system's.
func (c *Conn) ManagerCgroup(ctx context.Context) (string, error) {
	var path string
	err := c.call(ctx, managerPath, propertyGet, managerIntf, "ControlGroup").Store(&path)
	if err != nil {
		return "", fmt.Errorf("ask systemd for its cgroup: %w", explain(err))
	}
	return path, nil
}

// ControlGroup is the cgroup path of a scope.
func (c *Conn) ControlGroup(ctx context.Context, unit string) (string, error) {
	var object dbus.ObjectPath
	if err := c.call(ctx, managerPath, managerIntf+".GetUnit", unit).Store(&object); err != nil {
		return "", fmt.Errorf("look up unit %q: %w", unit, explain(err))
	}
	var path string
	if err := c.call(ctx, object, propertyGet, "org.freedesktop.systemd1.Scope", "ControlGroup").Store(&path); err != nil {
		return "", fmt.Errorf("ask for the cgroup of unit %q: %w", unit, explain(err))
	}
	return path, nil
}

// StopUnit asks the manager to end a unit and its processes; it does not wait for that.
func (c *Conn) StopUnit(ctx context.Context, unit string) error {
	if err := c.call(ctx, managerPath, managerIntf+".StopUnit", unit, "replace").Err; err != nil && !is(err, errNoUnit) {
		return fmt.Errorf("stop unit %q: %w", unit, explain(err))
	}
	return nil
}

// RestartUnit restarts a unit, or starts it, and waits until that is done, however long the unit may take by
// its own settings.
func (c *Conn) RestartUnit(ctx context.Context, unit string) error {
	c.match()
	call := c.bus.Object(destination, managerPath).GoWithContext(ctx, managerIntf+".RestartUnit", 0, make(chan *dbus.Call, 1), unit, "replace")
	result, err := c.waitJob(ctx, call, jobPatience)
	if err != nil {
		return fmt.Errorf("restart: %w", explain(err))
	}
	if result != "done" {
		return errs.WithHint(fmt.Errorf("restart: the job ended with %q: %w", result, errs.ErrState), "systemctl --user status "+unit)
	}
	return nil
}

// ResetFailed makes the manager forget a unit that failed.
func (c *Conn) ResetFailed(ctx context.Context, unit string) error {
	if err := c.call(ctx, managerPath, managerIntf+".ResetFailedUnit", unit).Err; err != nil && !is(err, errNoUnit) {
		return fmt.Errorf("reset unit %q: %w", unit, explain(err))
	}
	return nil
}

// Names of errors on the bus.
const (
	errNoUnit      = "org.freedesktop.systemd1.NoSuchUnit"
	errUnitExists  = "org.freedesktop.systemd1.UnitExists"
	errProperty    = "org.freedesktop.DBus.Error.PropertyReadOnly" // also for an unknown one
	errUnknown     = "org.freedesktop.DBus.Error.ServiceUnknown"
	errNoOwner     = "org.freedesktop.DBus.Error.NameHasNoOwner"
	errNotStarted  = "org.freedesktop.DBus.Error.Spawn.ChildExited" // /bin/false
	errNoReply     = "org.freedesktop.DBus.Error.NoReply"
	errDenied      = "org.freedesktop.DBus.Error.AccessDenied"
	errInteractive = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
)

func is(err error, name string) bool {
	var e dbus.Error
	return errors.As(err, &e) && e.Name == name
}

// explain tells a manager that is not there from one that says no.
func explain(err error) error {
	switch {
	case !Booted() && (is(err, errUnknown) || is(err, errNoOwner) || is(err, errNotStarted)):
		return ErrNoSystemd
	case is(err, errUnknown), is(err, errNoOwner), is(err, errNotStarted), is(err, errNoReply), is(err, errDenied), is(err, errInteractive),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, dbus.ErrClosed):
		return fmt.Errorf("%w: %w", ErrNoManager, err)
	}
	return err
}

// SetProperties changes limits of a unit until it ends. A manager that is too old for one of
// them changes none of them, as StartScope.
func (c *Conn) SetProperties(ctx context.Context, unit string, list []Property) error {
	if len(list) == 0 {
		return nil
	}
	wire := make([]property, 0, len(list))
	for _, p := range list {
		wire = append(wire, property{p.Name, dbus.MakeVariant(p.Value)})
	}
	const runtime = true // not written to a file
	err := c.call(ctx, managerPath, managerIntf+".SetUnitProperties", unit, runtime, wire).Err
	if err != nil && !is(err, errProperty) {
		return fmt.Errorf("change unit %q: %w", unit, explain(err))
	}
	return nil
}
