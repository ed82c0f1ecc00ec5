package runflags

import (
	"fmt"
	"os"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// life is what becomes of a container once it runs: who watches it, what is kept of its
// output, and when it is started anew.
func (f *Flags) life(p *Parser, cfg *config.Config, o *create.Options) {
	o.Detach = f.detach
	if f.detach && len(f.attach) > 0 {
		p.problems = append(p.problems, errs.Invalidf("--attach %s: with --detach nothing is attached; leave out one of the two", f.attach[0]))
	}
	if p.flags.Lookup("detach-keys") != nil {
		var err error
		o.DetachKeys, err = DetachKeys(f.detachKeys, p.flags.Changed("detach-keys"), cfg)
		p.problems = appendProblem(p.problems, err)
	}
	o.Requires = f.requires
	if p.flags.Changed("systemd") {
		o.Systemd = One(p, "systemd", f.systemd, choice("true", "false", "always"))
	}
	o.Restart = One(p, "restart", f.restart, parse.Restart)
	o.SDNotify = One(p, "sdnotify", f.sdnotify, parse.Notify)
	o.Log.Driver = One(p, "log-driver", f.logDriver, parse.LogDriver)
	for _, value := range f.logOpts {
		p.note("log-opt", parse.LogOpt(&o.Log, value, p.cwd))
	}
	if o.Log.Driver == "" && f.detach && cfg.Containers.LogDriver == "" && inJournal() {
		journal := o.Log
		journal.Driver = "journald"
		if parse.CheckLog(journal) == nil { // else there are options for a file
			o.Log = journal
		}
	}
	o.Health = f.health.options(p)
}

// inJournal reports whether rc is started by the unit of a quadlet whose output is in the journal
// (systemd.exec(5), JOURNAL_STREAM): that is where systemctl status and journalctl --unit look.
func inJournal() bool {
	return os.Getenv(spec.QuadletVariable) != "" && os.Getenv("JOURNAL_STREAM") != ""
}

// DetachKeys are those of a flag --detach-keys; where it was not given, containers.conf's.
func DetachKeys(value string, given bool, cfg *config.Config) ([]byte, error) {
	if conf := cfg.Containers.DetachKeys; !given && conf != nil {
		keys, err := parse.DetachKeys(*conf)
		if err != nil {
			return nil, fmt.Errorf("containers.conf: detach_keys: %w", err)
		}
		return keys, nil
	}
	keys, err := parse.DetachKeys(value)
	if err != nil {
		return nil, fmt.Errorf("--detach-keys %w", err)
	}
	return keys, nil
}

func appendProblem(problems []error, err error) []error {
	if err == nil {
		return problems
	}
	return append(problems, err)
}
