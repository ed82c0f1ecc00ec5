package container

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/placement"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/systemd"
)

// Steps are those of one build: what they share is made once. Close them.
type Steps struct {
	cfg     *config.Config
	cgroups spec.Cgroups
	enter   sync.Once

	networks stepNetworks
	dir      string
	lock     *os.File // of it
}

// NewSteps makes what steps need, and takes away what killed ones left. cgroups are what Step.Options of all of them have.
func NewSteps(ctx context.Context, cfg *config.Config, cgroups spec.Cgroups) (*Steps, error) {
	if _, err := stepPoints().at(cfg.DataRoot); err != nil {
		return nil, err
	}
	err := lifecycle.Sweep(ctx, cfg)
	placement.Sweep(ctx)
	if err := errors.Join(err, lifecycle.EmptyTrash(ctx, cfg, trashAge)); err != nil {
		return nil, err
	}
	s := &Steps{cfg: cfg, cgroups: cgroups}
	return s, s.makeDir()
}

// Dir is a directory of the user's runtime directory for what has to be on disk while steps run. It goes with them.
func (s *Steps) Dir() string { return s.dir }

// Run is RunStep. The first one moves this process.
func (s *Steps) Run(ctx context.Context, step Step) (StepEnd, error) {
	s.enter.Do(func() {
		err := s.enterScope(ctx)
		slog.Debug("scope for the build", "error", err)
		if err == nil {
			s.cgroups.Parent = "" // we are below it
		}
	})
	step.Options.Cgroups = s.cgroups
	return runStep(ctx, s.cfg, &s.networks, step)
}

// Close takes away what steps have shared. No step runs any more.
func (s *Steps) Close(ctx context.Context) error {
	s.networks.close(ctx)
	return errors.Join(os.RemoveAll(s.dir), s.lock.Close())
}

var errNoScope = errors.New("none is needed, or can be had")

// enterScope moves this process into a scope of its own, in which each step's cgroup can be made directly, and its shim
// and container be born: to have systemd make a scope, and the kernel move a process into it, for each of them would take
// most of the time that a short one takes. Where it does not work each step gets a scope, as containers do.
// A service is not left: its processes are its own to count.
func (s *Steps) enterScope(ctx context.Context) error {
	if mode := s.cgroups.Mode; mode != "" && mode != "enabled" || s.manager() != "systemd" {
		return errNoScope
	}
	h, err := cgroup.Find()
	if err != nil {
		return err
	}
	own, err := h.Own(0)
	if err != nil {
		return err
	}
	unit := h.Unit(own)
	if strings.HasSuffix(unit, ".service") {
		return errNoScope
	}
	if enabled, err := cgroup.Enabled(unit); err == nil && len(enabled) > 0 && cgroup.Delegated(unit) && s.cgroups.Parent == "" {
		return errNoScope
	}
	id, err := state.GenerateID()
	if err != nil {
		return err
	}
	scope := systemd.Scope{Name: cgroup.ScopeName(id), Description: "rc build", PIDs: []int{os.Getpid()}, StopTimeout: placement.StopGrace}
	if s.cgroups.Parent != "" {
		if scope.Slice, err = systemd.Slice(s.cgroups.Parent); err != nil {
			return err
		}
	}
	bus, err := systemd.Connect(ctx, os.Getuid())
	if err != nil {
		return err
	}
	defer func() { _ = bus.Close() }()
	if err := bus.StartScope(ctx, scope); err != nil {
		return err
	}
	dir, err := h.Own(0)
	if err == nil && !strings.HasSuffix(dir, "/"+scope.Name) {
		err = fmt.Errorf("%s: this process is in %s", scope.Name, dir)
	}
	if err != nil {
		return err
	}
	return splitScope(dir)
}

// manager is who makes cgroups.
func (s *Steps) manager() string {
	if s.cgroups.Manager != "" {
		return s.cgroups.Manager
	}
	if s.cfg.CgroupManager != "" {
		return s.cfg.CgroupManager
	}
	return "systemd"
}

// splitScope gives the scope's children controllers. That cannot be while a process of another user is in it, as newuidmap
// may be for a moment.
func splitScope(dir string) error {
	if err := cgroup.Split(dir, nil); err != nil {
		return err
	}
	available, err := cgroup.Controllers(dir)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(placement.MapperTime); ; time.Sleep(time.Millisecond) {
		if err = cgroup.Enable(dir, available, false); !errors.Is(err, unix.EPERM) || time.Now().After(deadline) {
			return err
		}
	}
}
