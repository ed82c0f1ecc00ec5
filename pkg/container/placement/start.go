package placement

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/systemd"
)

// Waits tells whether it takes start to know where the container's processes belong.
func (p *Placement) Waits() bool { return p.scope != nil || p.split != "" }

// Start places the shim with that pid, which must not have started the container yet. It returns
// at once; the function that it returns waits for the outcome and is called once. The directory
// stays the placement's. An error means that limits cannot be had after all.
func (p *Placement) Start(ctx context.Context, shimPID int) func() (shim.Place, *os.File, error) {
	ctx, p.cancel = context.WithCancel(ctx)
	p.done = make(chan struct{})
	var scope string
	var err error
	if !p.Waits() {
		close(p.done)
	} else {
		go func() {
			defer close(p.done)
			if scope, err = p.place(ctx, shimPID); err != nil && len(p.files) == 0 && p.split == "" {
				p.why, err = err, nil
			}
		}()
	}
	return func() (shim.Place, *os.File, error) {
		<-p.done
		p.log(scope)
		if err != nil || p.Made == nil {
			return shim.Place{Scope: scope}, nil, err
		}
		return shim.Place{Cgroup: p.Made.Name(), Scope: scope}, p.Made, nil
	}
}

// log tells what became of a placement.
func (p *Placement) log(scope string) {
	if p.Made == nil {
		slog.Debug("no cgroup", "why", p.why)
		return
	}
	slog.Debug("cgroup made", "directory", p.Made.Name(), "scope", scope, "files", p.files)
}

// place does what takes time: 12 ms, since the kernel waits for an RCU grace period when a process
// is moved.
func (p *Placement) place(ctx context.Context, shimPID int) (scope string, err error) {
	if p.split != "" {
		return "", p.placeSplit(ctx)
	}
	conn := <-p.scope.connected
	if conn.err != nil {
		return "", conn.err
	}
	defer func() { _ = conn.bus.Close() }()
	unit := p.scope.unit
	unit.PIDs = []int{shimPID}
	if err := conn.bus.StartScope(ctx, unit); err != nil {
		return "", err
	}
	dir, err := p.scopeDir(ctx, conn.bus, shimPID)
	if err != nil {
		return unit.Name, err
	}
	p.Made, err = cgroup.Leaves(dir, p.files)
	return unit.Name, err
}

// scopeDir is the scope's directory: where the shim is now, which saves asking systemd.
func (p *Placement) scopeDir(ctx context.Context, bus *systemd.Conn, shimPID int) (string, error) {
	dir, err := p.hierarchy.Own(shimPID)
	if err != nil || strings.HasSuffix(dir, "/"+p.scope.unit.Name) {
		return dir, err
	}
	path, err := bus.ControlGroup(ctx, p.scope.unit.Name)
	if err != nil {
		return "", err
	}
	return p.hierarchy.Dir(path)
}

// MapperTime is more than newuidmap and newgidmap need, on a slow machine, too.
const MapperTime = time.Second

func (p *Placement) placeSplit(ctx context.Context) error {
	sweep(ctx, p.split)
	err := cgroup.Split(p.split, p.files)
	// Controllers cannot be enabled over another user's process (cpuset_can_attach), and
	// newuidmap, which is root's, works in rc's cgroup at this moment.
	for deadline := time.Now().Add(MapperTime); errors.Is(err, unix.EPERM) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
		err = cgroup.Split(p.split, p.files)
	}
	if err == nil {
		p.Made, err = cgroup.Make(p.split, p.id, p.files)
	}
	if err != nil {
		return fmt.Errorf("--cgroups split: %w", err)
	}
	return nil
}

// Scopes that have been idle for longer than this are nobody's; so many are looked at in one call.
const (
	idleScope = 2 * time.Second
	maxScopes = 64
)

// SweepScopes stops the scopes that a kill at the wrong moment left beside this container's.
func (p *Placement) SweepScopes(ctx context.Context) {
	if p.scope == nil || p.Made == nil {
		return
	}
	slice := filepath.Dir(filepath.Dir(p.Made.Name()))
	idle := cgroup.IdleScopes(slice, idleScope, maxScopes)
	if len(idle) == 0 {
		return
	}
	bus, err := systemd.Connect(ctx, os.Getuid())
	if err != nil {
		return // the next call will try again
	}
	defer func() { _ = bus.Close() }()
	for _, unit := range idle {
		if err := bus.StopUnit(ctx, unit); err != nil {
			slog.Debug("scope stays", "unit", unit, "error", err)
		}
	}
}

// Release closes what rc holds of a placement that the shim has; it removes nothing.
func (p *Placement) Release() {
	p.settle()
	if p.Made != nil {
		_ = p.Made.Close()
	}
}

// Finish lets what start started come to its end, which is bounded. A scope whose only
// process ends while systemd and rc still make it stays behind as an empty directory.
func (p *Placement) Finish() {
	if p != nil && p.done != nil {
		<-p.done
	}
}

// settle waits for what start started, and ends a connection that start did not take over.
func (p *Placement) settle() {
	if p.done != nil {
		p.cancel()
		<-p.done
		return
	}
	if p.scope == nil {
		return
	}
	select {
	case conn := <-p.scope.connected:
		if conn.bus != nil {
			_ = conn.bus.Close()
		}
	default: // still connecting; it ends with this process
	}
}

// Discard takes back what no shim will use, after the shim has ended where there was one. A scope
// goes with its last process.
func (p *Placement) Discard(ctx context.Context) {
	p.settle()
	if p.Made != nil {
		// Before the lock is let go: see cgroup.Make.
		ctx, cancel := context.WithTimeout(ctx, sweepTime)
		defer cancel()
		_ = cgroup.Remove(ctx, p.Made.Name())
		_ = p.Made.Close()
	}
}
