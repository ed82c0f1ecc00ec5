package placement

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/systemd"
)

// StopGrace is what systemd gives a scope beyond the container's own stop timeout.
const StopGrace = 5 * time.Second

// Placement is where a container shall be counted and limited, decided before its shim exists: in
// a directory that was made, in a scope to be asked for, by a split of the unit that rc is in, or,
// with none of these set, nowhere.
//
//	p, err := placement.Plan(ctx, …)     input and controllers are checked; the directory is made,
//	                                     or a connection to systemd under way
//	… start the shim …
//	placed := p.Start(ctx, pid)          returns at once
//	… send the plan …
//	place, dir, err := placed()          the shim's second message
//	p.Release()                          the shim has it, or:
//	p.Discard(ctx)                       it will not; at any time after Plan
//
// The container's directory is the shim's to remove. It is locked while a copy of its descriptor
// is open; what is not locked belongs to nobody and is swept away by the next rc.
type Placement struct {
	id        string
	files     []cgroup.File
	hierarchy cgroup.Hierarchy

	Made  *os.File // the container's directory
	scope *scopePlan
	split string // the unit to be divided
	stays bool   // the shim stays in the service that rc is in
	// why there is no cgroup, for the log.
	why error

	cancel context.CancelFunc // of what start started
	done   chan struct{}      // closed when that has ended
}

// scopePlan is a scope to be asked for, over a connection that is being made.
type scopePlan struct {
	unit      systemd.Scope
	connected chan connection
}

type connection struct {
	bus *systemd.Conn
	err error
}

// Plan decides. Errors are the user's to mend: limits that cannot be had, or make no sense.
// A user without any way to a cgroup who asked for no limit is placed nowhere. notifies says that the
// unit waits for the shim's word: systemd believes only who is in the unit.
func Plan(ctx context.Context, cfg *config.Config, c *spec.Container, notifies bool) (*Placement, error) {
	p := &Placement{id: c.ID}
	if c.OCI.Linux != nil {
		var err error
		if p.files, err = cgroup.Files(c.OCI.Linux.Resources); err != nil {
			return nil, err
		}
		if err := cgroup.CheckCPUs(p.files); err != nil {
			return nil, err
		}
	}
	placed, err := p.decide(ctx, cfg, c, notifies)
	if c.Cgroups.DefaultPIDs && errors.Is(err, systemd.ErrNoSystemd) {
		// It is for all containers, and none could be started.
		p.files = slices.DeleteFunc(p.files, func(f cgroup.File) bool { return f.Controller() == "pids" })
		return p.decide(ctx, cfg, c, notifies)
	}
	return placed, err
}

// decide is Plan for the files that are to be written.
func (p *Placement) decide(ctx context.Context, cfg *config.Config, c *spec.Container, notifies bool) (*Placement, error) {
	switch c.Cgroups.Mode {
	case "enabled", "split", "":
	case "disabled":
		if len(p.files) > 0 {
			return nil, errs.Invalidf("--cgroups disabled: %s needs a cgroup", p.files[0].Flags)
		}
		p.why = errors.New("--cgroups disabled")
		return p, nil
	default:
		return nil, errs.Invalidf("--cgroups %q: want enabled, disabled or split", c.Cgroups.Mode)
	}
	var err error
	if p.hierarchy, err = cgroup.Find(); err != nil {
		if len(p.files) > 0 {
			err = noLimits(p.files[0].Flags, cgroup.NoHierarchy(p.files))
		}
		return p.without(c, err)
	}
	own, err := p.hierarchy.Own(0)
	if err != nil {
		return p.without(c, err)
	}
	manager := c.Cgroups.Manager
	if manager == "" {
		manager = cfg.CgroupManager
	}
	p.stays = notifies && strings.HasSuffix(p.hierarchy.Unit(own), ".service")
	switch {
	case c.Cgroups.Mode == "split":
		return p.planSplit(c, own)
	case manager == "cgroupfs":
		return p.planDirectory(ctx, c, own)
	case manager == "systemd", manager == "":
		return p.planSystemd(ctx, c, own)
	}
	return nil, errs.Invalidf("--cgroup-manager %q: want systemd or cgroupfs", manager)
}

// without is the end where there is no cgroup to be had: an error for who asked for something.
func (p *Placement) without(c *spec.Container, why error) (*Placement, error) {
	if len(p.files) > 0 || c.Cgroups.Mode == "split" || c.Cgroups.Parent != "" {
		return nil, why
	}
	p.why = why
	return p, nil
}

// planSplit divides the unit that rc runs in.
func (p *Placement) planSplit(c *spec.Container, own string) (*Placement, error) {
	if c.Cgroups.Parent != "" {
		return nil, errs.Invalidf("--cgroup-parent %q: --cgroups split uses the cgroup that rc is in", c.Cgroups.Parent)
	}
	unit := p.hierarchy.Unit(own)
	if !cgroup.Delegated(unit) {
		return nil, errs.WithHint(errs.Unsupportedf("--cgroups split: cgroup %q is not yours", unit),
			"run rc in a unit that delegates, like: systemd-run --user --scope -p Delegate=yes rc run --cgroups split …")
	}
	if err := p.hierarchy.Missing(p.files, unit); err != nil {
		return nil, err
	}
	p.split = unit
	return p, nil
}

// planDirectory is the cgroupfs manager: the parent that was named, else the unit that rc is in.
func (p *Placement) planDirectory(ctx context.Context, c *spec.Container, own string) (*Placement, error) {
	parent := p.hierarchy.Unit(own)
	if name := c.Cgroups.Parent; name != "" {
		if !strings.HasPrefix(name, "/") {
			return nil, errs.Invalidf("--cgroup-parent %q: want a path, like /user.slice/NAME, with the cgroupfs cgroup manager", name)
		}
		var err error
		if parent, err = p.hierarchy.Dir(name); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return nil, fmt.Errorf("--cgroup-parent %q: %w", name, err)
		}
	}
	if !cgroup.Delegated(parent) || !cgroup.Enterable(own, parent) {
		err := errs.Unsupportedf("use cgroup %q: you may not put processes into it", parent)
		return p.without(c, errs.WithHint(err, "--cgroup-manager systemd"))
	}
	if err := cgroup.Provide(parent, cgroup.Need(p.files)); err != nil && !errors.Is(err, errs.ErrInUse) {
		return nil, err
	}
	if err := p.hierarchy.Missing(p.files, parent); err != nil {
		return nil, err
	}
	err := p.makeDirect(ctx, parent)
	if errors.Is(err, errs.ErrInUse) {
		err = errs.WithHint(err, splitHint)
	}
	if err != nil {
		return p.without(c, err)
	}
	return p, nil
}

const splitHint = "--cgroups split moves the processes of this cgroup out of the way"

// planSystemd uses the unit that rc is in where that is the user's and can have the limits, and
// asks for a scope elsewhere.
func (p *Placement) planSystemd(ctx context.Context, c *spec.Container, own string) (*Placement, error) {
	unit := p.hierarchy.Unit(own)
	owned := cgroup.Delegated(unit)
	if c.Cgroups.Parent == "" && owned && cgroup.CanLimit(unit, p.files) {
		err := p.makeDirect(ctx, unit)
		if err == nil {
			return p, nil
		}
		if errors.Is(err, errs.ErrInvalid) {
			return nil, err
		}
	}
	if p.stays && c.Cgroups.Parent == "" {
		if !owned {
			err := errs.Unsupportedf("use cgroup %q: a unit of Type=notify hears its own processes only, and it is not yours to divide", unit)
			return p.without(c, errs.WithHint(err, "Delegate=yes in the unit, or --sdnotify ignore"))
		}
		return p.planSplit(c, own)
	}
	s := &scopePlan{
		unit: systemd.Scope{
			Name:        cgroup.ScopeName(c.ID),
			Description: "rc container " + c.Name,
			StopTimeout: time.Duration(c.StopTimeout)*time.Second + StopGrace,
			Properties:  systemd.Properties(settings(p.files, c)),
		},
		connected: make(chan connection, 1),
	}
	if c.Cgroups.Parent != "" {
		var err error
		if s.unit.Slice, err = systemd.Slice(c.Cgroups.Parent); err != nil {
			return nil, err
		}
	}
	go func() {
		bus, err := systemd.Connect(ctx, os.Getuid())
		s.connected <- connection{bus, err}
	}()
	p.scope = s
	if len(p.files) == 0 && c.Cgroups.Parent == "" {
		return p, nil
	}
	// What was asked for must be possible before anything is changed.
	if err := p.checkManager(ctx); err != nil {
		p.Discard(ctx)
		if owned && errors.Is(err, systemd.ErrNoManager) {
			err = errs.WithHint(err, splitHint)
		}
		return nil, err
	}
	return p, nil
}

// settings are the files as the scope has them, and unlimited tasks where that was asked for:
// systemd's default for a scope is 15 % of what the kernel allows.
func settings(files []cgroup.File, c *spec.Container) func(yield func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for _, f := range files {
			if !yield(f.Name, f.Value) {
				return
			}
		}
		if l := c.OCI.Linux; l == nil || l.Resources == nil || l.Resources.Pids == nil {
			return
		}
		if limit := c.OCI.Linux.Resources.Pids.Limit; limit != nil && *limit <= 0 {
			yield("pids.max", "max")
		}
	}
}

// checkManager waits for the connection and asks what the manager can delegate.
func (p *Placement) checkManager(ctx context.Context) error {
	conn := <-p.scope.connected
	p.scope.connected <- conn // for start
	what := "--cgroup-parent"
	if len(p.files) > 0 {
		what = p.files[0].Flags
	}
	if conn.err != nil {
		return noLimits(what, errs.WithCheck(fmt.Errorf("set %s: %w", what, conn.err), LoginHint, "manager"))
	}
	path, err := conn.bus.ManagerCgroup(ctx)
	if err != nil {
		return noLimits(what, fmt.Errorf("set %s: %w", what, err))
	}
	dir, err := p.hierarchy.Dir(path)
	if err != nil {
		return fmt.Errorf("set %s: %w", what, err)
	}
	return p.hierarchy.Missing(p.files, dir)
}

// LoginHint is how a user comes to have a manager.
const LoginHint = "log in as this user (su and sudo do not start a user manager), or: sudo loginctl enable-linger $USER"

// noLimits is err, or what there is to say instead where systemd, whose business cgroups are, does not run.
func noLimits(what string, err error) error {
	if systemd.Booted() {
		return err
	}
	return errs.WithCheck(fmt.Errorf("set %s: a container has no cgroup of its own: %w", what, systemd.ErrNoSystemd), "", "manager")
}

// makeDirect makes the container's directory in parent, after removing what dead containers left
// there.
func (p *Placement) makeDirect(ctx context.Context, parent string) error {
	sweep(ctx, parent)
	var err error
	p.Made, err = cgroup.Make(parent, p.id, p.files)
	return err
}

// sweepTime is what a call of rc spends on other containers' remains, at most.
const sweepTime = 100 * time.Millisecond

func sweep(ctx context.Context, parent string) {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	// What cannot be removed now is still there for the next call.
	_, _ = cgroup.Sweep(ctx, parent)
}

// Sweep removes the cgroups that killed containers left in the unit that rc runs in. What
// systemd made, systemd removes.
func Sweep(ctx context.Context) {
	h, err := cgroup.Find()
	if err != nil {
		return
	}
	own, err := h.Own(0)
	if err != nil {
		return
	}
	if unit := h.Unit(own); cgroup.Delegated(unit) {
		sweep(ctx, unit)
	}
}
