package autoupdate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/systemd"
)

// Labels of a container, podman's.
const (
	Label         = "io.containers.autoupdate"
	LabelAuthfile = "io.containers.autoupdate.authfile"
	LabelUnit     = spec.UnitLabel
)

// Policies: what an image is compared with.
const (
	Registry = "registry"
	Local    = "local"
)

// Values of Report.Updated.
const (
	updated    = "true"
	current    = "false"
	pending    = "pending" // with DryRun
	failed     = "failed"
	rolledBack = "rolled back"
)

// Options are those of rc auto-update.
type Options struct {
	DryRun   bool
	Rollback bool
	Registry image.Registry
	Streams  image.Streams
}

// Report is what became of one container.
type Report struct {
	Unit          string
	Container     string // short id and name
	ContainerName string
	ContainerID   string
	Image         string
	Policy        string
	Updated       string
}

// task is one container on its way.
type task struct {
	Report
	old  spec.Image
	auth string
}

// units restarts a unit and waits for that.
type units interface {
	RestartUnit(ctx context.Context, unit string) error
}

// Run looks after all containers that run and ask for it. What is wrong with one is no reason to leave out
// the others: the error has all of it.
func Run(ctx context.Context, cfg *config.Config, o Options) ([]Report, error) {
	tasks, problems := find(cfg)
	u := &updater{cfg: cfg, o: o, pulled: map[string]error{}}
	var changed []string // units, in order
	for _, t := range tasks {
		is, err := u.changed(ctx, t)
		switch {
		case err != nil:
			t.Updated = failed
			problems = append(problems, fmt.Errorf("container %q: %w", t.ContainerName, err))
		case !is:
			t.Updated = current
		default:
			t.Updated = pending
			if !slices.Contains(changed, t.Unit) {
				changed = append(changed, t.Unit)
			}
		}
	}
	if !o.DryRun && len(changed) > 0 {
		problems = append(problems, u.update(ctx, tasks, changed)...)
	}
	reports := make([]Report, 0, len(tasks))
	for _, t := range tasks {
		reports = append(reports, t.Report)
	}
	return reports, errors.Join(problems...)
}

// find is what asks for updates.
func find(cfg *config.Config) (tasks []*task, problems []error) {
	root := records.Of(cfg)
	entries, problems := root.List()
	for _, e := range entries {
		policy := e.Labels[Label]
		if !e.Alive() || policy == "" || policy == "disabled" {
			continue
		}
		if policy == "image" { // podman's older word
			policy = Registry
		}
		c, err := root.Load(e.ID)
		switch {
		case err != nil:
		case policy != Registry && policy != Local:
			err = errs.Invalidf("label %s=%q: want %s, %s or disabled", Label, policy, Registry, Local)
		case e.Labels[LabelUnit] == "":
			err = errs.WithHint(errs.Invalidf("it is in no systemd unit: label %s is missing", LabelUnit),
				"rc generate systemd --new, or a quadlet file")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("container %q: %w", e.Name, err))
			continue
		}
		tasks = append(tasks, &task{
			Report: Report{
				Unit: e.Labels[LabelUnit], Container: e.ID[:12] + " (" + e.Name + ")", ContainerName: e.Name, ContainerID: e.ID,
				Image: c.Image.Name, Policy: policy,
			},
			old: c.Image, auth: e.Labels[LabelAuthfile],
		})
	}
	return tasks, problems
}

// updater is one run.
type updater struct {
	cfg    *config.Config
	o      Options
	pulled map[string]error // by name
}

// registry is how a container's registry is talked to: its label goes before the flag, as in podman.
func (u *updater) registry(t *task) image.Registry {
	r := u.o.Registry
	if t.auth != "" {
		r.AuthFile = t.auth
	}
	return r
}

// changed tells whether the image's name means another image than the container's.
func (u *updater) changed(ctx context.Context, t *task) (bool, error) {
	if _, err := index.ParseName(t.Image); err != nil || strings.Contains(t.Image, "@") {
		return false, errs.Invalidf("image %q: want a name with a tag, which may come to mean another image", t.Image)
	}
	if t.Policy == Local {
		return u.differs(ctx, t)
	}
	looked, err := image.Look(ctx, u.cfg, image.LookRequest{Name: t.Image, Registry: u.registry(t)}, u.o.Streams)
	if err != nil {
		return false, err
	}
	here, err := image.Resolve(ctx, u.cfg, t.Image, spec.Platform{})
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return false, err
	}
	same := func(digest string) bool {
		return slices.ContainsFunc(looked.Instances, func(i image.Instance) bool { return i.Digest == digest })
	}
	// Somebody may have pulled it already.
	return here == nil || here.ID != t.old.ID || !same(t.old.Digest), nil
}

func (u *updater) differs(ctx context.Context, t *task) (bool, error) {
	here, err := image.Resolve(ctx, u.cfg, t.Image, spec.Platform{})
	if err != nil {
		return false, err
	}
	return here.ID != t.old.ID, nil
}

// update pulls what is to be pulled, and restarts one unit after the other.
func (u *updater) update(ctx context.Context, tasks []*task, changed []string) (problems []error) {
	bus, err := systemd.Connect(ctx, os.Getuid())
	if err != nil {
		for _, t := range tasks {
			if t.Updated == pending {
				t.Updated = failed
			}
		}
		return []error{fmt.Errorf("restart units: %w", err)}
	}
	defer func() { _ = bus.Close() }()
	for _, unit := range changed {
		var members []*task
		for _, t := range tasks {
			if t.Unit == unit && t.Updated == pending {
				members = append(members, t)
			}
		}
		result, err := u.updateUnit(ctx, bus, unit, members)
		if err != nil {
			problems = append(problems, fmt.Errorf("unit %q: %w", unit, err))
		}
		for _, t := range members {
			t.Updated = result
		}
	}
	return problems
}

// updateUnit brings one unit to its containers' new images, or back.
func (u *updater) updateUnit(ctx context.Context, bus units, unit string, members []*task) (string, error) {
	different := false
	for _, t := range members {
		if err := u.pull(ctx, t); err != nil {
			return failed, err
		}
		differs, err := u.differs(ctx, t)
		if err != nil {
			return failed, err
		}
		different = different || differs
	}
	if !different { // another manifest of the same image
		return current, nil
	}
	err := bus.RestartUnit(ctx, unit)
	if err == nil {
		return updated, nil
	}
	if !u.o.Rollback || ctx.Err() != nil {
		return failed, err
	}
	for _, t := range members {
		if back := image.Tag(ctx, u.cfg, t.old.ID, t.Image); back != nil {
			return failed, errors.Join(err, fmt.Errorf("roll back image %q: %w", t.Image, back))
		}
	}
	if again := bus.RestartUnit(ctx, unit); again != nil {
		return failed, errors.Join(err, fmt.Errorf("with the old image: %w", again))
	}
	return rolledBack, nil
}

// pull fetches an image of a registry, once.
func (u *updater) pull(ctx context.Context, t *task) error {
	if t.Policy != Registry {
		return nil
	}
	if err, done := u.pulled[t.Image]; done {
		return err
	}
	_, err := image.Pull(ctx, u.cfg, image.PullOptions{
		Image: t.Image, Policy: image.Always, Quiet: true, Registry: u.registry(t), Streams: u.o.Streams,
	})
	u.pulled[t.Image] = err
	return err
}
