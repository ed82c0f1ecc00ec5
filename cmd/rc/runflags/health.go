package runflags

import (
	"strconv"

	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// healthFlags are --no-healthcheck and --health-*, as typed.
type healthFlags struct {
	none                                bool
	command, interval, timeout          string
	startPeriod, startInterval, retries string
	onFailure                           string
	logCount, logSize, logDestination   string
	startup, startupInterval            string
	startupTimeout, startupRetries      string
	startupSuccess                      string
}

func (f *healthFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.none, "no-healthcheck", false, "Leave out the image's healthcheck")
	flags.StringVar(&f.command, "health-cmd", "", `Command that says whether the container is well: a shell's line, a JSON array, or none`)
	flags.StringVar(&f.interval, "health-interval", "", "Time between two checks, or disable (default the image's or 30s)")
	flags.StringVar(&f.retries, "health-retries", "", "Failures in a row that make it unhealthy (default the image's or 3)")
	flags.StringVar(&f.timeout, "health-timeout", "", "Time after which a check has failed (default the image's or 30s)")
	flags.StringVar(&f.startPeriod, "health-start-period", "", "Time in which failures do not count (default the image's or 0s)")
	flags.StringVar(&f.startInterval, "health-start-interval", "", "Time between two checks in the start period (default the image's or 5s)")
	flags.StringVar(&f.onFailure, "health-on-failure", "", "What becomes of an unhealthy container: none, kill, restart or stop (default none)")
	flags.StringVar(&f.startup, "health-startup-cmd", "", "Command that has to succeed before the healthcheck begins")
	flags.StringVar(&f.startupInterval, "health-startup-interval", "", "Time between two checks of the start, or disable (default 30s)")
	flags.StringVar(&f.startupRetries, "health-startup-retries", "", "Failures after which the container is restarted; 0 is never (default 0)")
	flags.StringVar(&f.startupSuccess, "health-startup-success", "", "Successes that end the start; 0 is one (default 0)")
	flags.StringVar(&f.startupTimeout, "health-startup-timeout", "", "Time after which a check of the start has failed (default 30s)")
	flags.StringVar(&f.logCount, "health-max-log-count", "", "Results to keep; 0 is all (default 5)")
	flags.StringVar(&f.logSize, "health-max-log-size", "", "Characters of each result to keep; 0 is all (default 500)")
	flags.StringVar(&f.logDestination, "health-log-destination", "", "Where results are kept: local")
}

// options are the flags, checked one by one; whether there is a healthcheck at all is for
// the image to say.
func (f *healthFlags) options(p *Parser) create.Health {
	h := create.Health{
		Test:          One(p, "health-cmd", f.command, parse.HealthCommand),
		Interval:      Optional(p, "health-interval", f.interval, parse.HealthInterval),
		Timeout:       Optional(p, "health-timeout", f.timeout, parse.HealthTimeout),
		StartPeriod:   Optional(p, "health-start-period", f.startPeriod, parse.HealthPeriod),
		StartInterval: Optional(p, "health-start-interval", f.startInterval, parse.HealthStartInterval),
		Retries:       Optional(p, "health-retries", f.retries, atLeast(1)),
		OnFailure:     One(p, "health-on-failure", f.onFailure, parse.HealthAction),
		MaxLogCount:   Optional(p, "health-max-log-count", f.logCount, atLeast(0)),
		MaxLogSize:    Optional(p, "health-max-log-size", f.logSize, atLeast(0)),
		Startup: create.StartupHealth{
			Test:      One(p, "health-startup-cmd", f.startup, parse.HealthCommand),
			Interval:  Optional(p, "health-startup-interval", f.startupInterval, parse.HealthInterval),
			Timeout:   Optional(p, "health-startup-timeout", f.startupTimeout, parse.HealthTimeout),
			Retries:   Optional(p, "health-startup-retries", f.startupRetries, atLeast(0)),
			Successes: Optional(p, "health-startup-success", f.startupSuccess, atLeast(0)),
		},
	}
	if f.logDestination != "" && f.logDestination != "local" {
		p.note("health-log-destination", errs.Unsupportedf("%q: results are in the container's record, where rc inspect shows them: want local", f.logDestination))
	}
	if f.none {
		if len(h.Test) > 0 && h.Test[0] != spec.HealthNone {
			p.problems = append(p.problems, errs.Invalidf("--no-healthcheck: --health-cmd asks for one"))
		}
		h.Test = []string{spec.HealthNone}
	}
	return h
}

// atLeast parses a number.
func atLeast(least int) func(string) (int, error) {
	return func(value string) (int, error) {
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil || int(n) < least {
			return 0, errs.Invalidf("%q: want a number of %d or more", value, least)
		}
		return int(n), nil
	}
}
