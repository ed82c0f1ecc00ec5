package create

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// Health is what was asked for of a healthcheck; what is nil is left to the image's, and to
// the defaults.
type Health struct {
	// Test is a whole one: CMD, CMD-SHELL or NONE first.
	Test          []string
	Interval      *time.Duration // 0 is never by itself
	Timeout       *time.Duration
	StartPeriod   *time.Duration
	StartInterval *time.Duration
	Retries       *int
	OnFailure     string
	MaxLogCount   *int
	MaxLogSize    *int
	Startup       StartupHealth
}

// StartupHealth is what was asked for of the check of a container that starts.
type StartupHealth struct {
	Test      []string
	Interval  *time.Duration
	Timeout   *time.Duration
	Retries   *int
	Successes *int
}

// Defaults of a healthcheck: podman's; docker's are the same, where it has them.
const (
	healthInterval      = 30 * time.Second
	healthTimeout       = 30 * time.Second
	healthStartInterval = 5 * time.Second
	healthRetries       = 3
	healthLogCount      = 5
	healthLogSize       = 500
)

// health lays the flags over the image's healthcheck, field by field, as docker does.
func (d *draft) health() error {
	asked := &d.opts.Health
	image, err := d.imageHealth()
	if err != nil {
		return err
	}
	test := image.Test
	if asked.Test != nil {
		test = asked.Test
	}
	if len(test) == 0 || test[0] == spec.HealthNone {
		if flag := asked.idle(); flag != "" {
			return errs.WithHint(errs.Invalidf("%s: the container has no healthcheck", flag), "--health-cmd COMMAND")
		}
		return nil
	}
	d.c.Health = &spec.Health{
		Test:          slices.Clone(test),
		Interval:      pick(asked.Interval, image.Interval, healthInterval),
		Timeout:       pick(asked.Timeout, image.Timeout, healthTimeout),
		StartPeriod:   pick(asked.StartPeriod, image.StartPeriod, 0),
		StartInterval: pick(asked.StartInterval, image.StartInterval, healthStartInterval),
		Retries:       pick(asked.Retries, image.Retries, healthRetries),
		MaxLogCount:   pick(asked.MaxLogCount, 0, healthLogCount),
		MaxLogSize:    pick(asked.MaxLogSize, 0, healthLogSize),
	}
	if asked.OnFailure != spec.OnFailureNone {
		d.c.Health.OnFailure = asked.OnFailure
	}
	startup := &asked.Startup
	if len(startup.Test) == 0 || startup.Test[0] == spec.HealthNone {
		if flag := startup.idle(); flag != "" {
			return errs.WithHint(errs.Invalidf("%s: the container has no startup healthcheck", flag), "--health-startup-cmd COMMAND")
		}
		return nil
	}
	d.c.Health.Startup = &spec.StartupHealth{
		Test:      slices.Clone(startup.Test),
		Interval:  pick(startup.Interval, 0, healthInterval),
		Timeout:   pick(startup.Timeout, 0, healthTimeout),
		Retries:   pick(startup.Retries, 0, 0),
		Successes: max(1, pick(startup.Successes, 0, 1)), // podman: 0 is any success
	}
	return nil
}

// imageHealth is the image's healthcheck. One that cannot be understood is an error where
// it would be run; else its durations are not used either.
func (d *draft) imageHealth() (image spec.ImageHealth, err error) {
	if len(d.image.Healthcheck) == 0 {
		return image, nil
	}
	err = json.Unmarshal(d.image.Healthcheck, &image)
	if err == nil && len(image.Test) > 0 {
		err = parse.CheckHealthTest(image.Test)
	}
	if err == nil && min(image.Interval, image.Timeout, image.StartPeriod, image.StartInterval, time.Duration(image.Retries)) < 0 {
		err = errs.Invalidf("%s: a number is less than 0", d.image.Healthcheck)
	}
	switch {
	case err == nil:
		return image, nil
	case d.opts.Health.Test != nil:
		return spec.ImageHealth{}, nil
	}
	return image, errs.WithHint(errs.Invalidf("image %q: healthcheck: %w", d.subject(), err), "--no-healthcheck, or --health-cmd COMMAND")
}

// idle is a flag that has no effect without a healthcheck.
func (h *Health) idle() string {
	return firstSet(
		set{"--health-interval", h.Interval != nil}, set{"--health-timeout", h.Timeout != nil},
		set{"--health-start-period", h.StartPeriod != nil}, set{"--health-start-interval", h.StartInterval != nil},
		set{"--health-retries", h.Retries != nil},
		set{"--health-on-failure", h.OnFailure != "" && h.OnFailure != spec.OnFailureNone},
		set{"--health-max-log-count", h.MaxLogCount != nil}, set{"--health-max-log-size", h.MaxLogSize != nil},
		set{"--health-startup-cmd", len(h.Startup.Test) > 0 && h.Startup.Test[0] != spec.HealthNone},
		set{h.Startup.idle(), h.Startup.idle() != ""},
	)
}

// idle is a flag that has no effect without a check of the start.
func (s *StartupHealth) idle() string {
	return firstSet(
		set{"--health-startup-interval", s.Interval != nil}, set{"--health-startup-timeout", s.Timeout != nil},
		set{"--health-startup-retries", s.Retries != nil}, set{"--health-startup-success", s.Successes != nil},
	)
}

// set is a flag, and whether it was given.
type set struct {
	flag  string
	given bool
}

func firstSet(flags ...set) string {
	for _, f := range flags {
		if f.given {
			return f.flag
		}
	}
	return ""
}

// pick is what was asked for, else the image's where that is set, else the default.
func pick[T comparable](asked *T, image, otherwise T) T {
	var zero T
	switch {
	case asked != nil:
		return *asked
	case image != zero:
		return image
	}
	return otherwise
}

// notify refuses to wait for a health that nobody asks for.
func (d *draft) notify() error {
	if d.c.SDNotify == spec.NotifyHealthy && d.c.Health == nil {
		return errs.WithHint(errs.Invalidf("--sdnotify %s: the container has no healthcheck", spec.NotifyHealthy), "--health-cmd COMMAND")
	}
	return nil
}
