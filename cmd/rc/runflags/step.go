package runflags

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
)

// StepFlags are those flags of rc run that rc build has for the containers of RUN.
type StepFlags struct {
	run   Flags
	flags *pflag.FlagSet // run's, all of them
}

// limits change how fast a RUN is, or whether it gets to its end, and not what it makes; the others are salt.
func stepFlags() (limits, others []string) {
	limits = []string{
		"memory", "memory-swap", "cpus", "cpu-shares", "cpu-period", "cpu-quota", "cpuset-cpus", "cpuset-mems",
		"shm-size", "ulimit", "cgroup-parent", "cgroupns", "http-proxy", "pids-limit",
	}
	others = []string{
		"add-host", "cap-add", "cap-drop", "device", "dns", "dns-option", "dns-search", "group-add", "ipc", "network", "net",
		"no-hosts", "no-hostname", "pid", "security-opt", "uts", "volume",
	}
	return limits, others
}

// Add declares them.
func (s *StepFlags) Add(flags *pflag.FlagSet) {
	s.flags = pflag.NewFlagSet("run", pflag.ContinueOnError)
	s.run.Add(s.flags)
	limits, others := stepFlags()
	for _, name := range append(limits, others...) {
		flags.AddFlag(s.flags.Lookup(name))
	}
}

// Options are the flags' values.
func (s *StepFlags) Options(cfg *config.Config) (o create.Options, err error) {
	p, err := newFileParser(s.flags)
	if err != nil {
		return o, err
	}
	o.GroupAdd = s.run.groupAdd
	o.Env.Base = s.run.environment(p, cfg).Base
	s.run.securityOptions(p, &o)
	s.run.namespaces(p, &o)
	s.run.files(p, &o)
	s.run.limits(p, &o)
	return o, p.Err()
}

// Salt stands for the values that change what a RUN makes, "" for the usual ones.
func (s *StepFlags) Salt() string {
	var salt strings.Builder
	_, others := stepFlags()
	for _, name := range others {
		if f := s.flags.Lookup(name); f.Changed {
			fmt.Fprintf(&salt, "%s=%q ", name, f.Value)
		}
	}
	return salt.String()
}
