package create

import (
	"fmt"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// log decides where the output goes: flags before containers.conf before k8s-file. What the
// configuration says of sizes and tags is for the drivers that have them.
func (d *draft) log() error {
	conf, log := &d.env.Config.Containers, d.opts.Log
	if log.Driver == "" && conf.LogDriver != "" {
		parsed, err := parse.LogDriver(conf.LogDriver)
		if err != nil {
			return fmt.Errorf("containers.conf: log_driver: %w", err)
		}
		log.Driver = parsed
	}
	if log.Driver == "" {
		log.Driver = spec.LogDrivers()[0]
	}
	if err := parse.CheckLog(log); err != nil {
		return fmt.Errorf("--log-opt %w", err)
	}
	if log.Driver == "passthrough" && d.opts.TTY {
		return errs.WithHint(errs.Invalidf("--log-driver passthrough: with --tty the output comes from a terminal, through rc"), "--log-driver none")
	}
	log = d.logDefaults(log)
	tag, err := parse.LogTag(log.Tag, d.c)
	if err != nil {
		return fmt.Errorf("containers.conf: log_tag: %w", err) // --log-opt's has been checked
	}
	log.Tag = tag
	d.c.Log = log
	return nil
}

// logDefaults are containers.conf's, where the driver has a use for them.
func (d *draft) logDefaults(log spec.Log) spec.Log {
	conf := &d.env.Config.Containers
	if with := log; log.MaxSize == 0 && conf.LogSizeMax > 0 {
		with.MaxSize = conf.LogSizeMax
		if parse.CheckLog(with) == nil {
			log = with
		}
	}
	if with := log; log.Tag == "" {
		with.Tag = conf.LogTag
		if parse.CheckLog(with) == nil {
			log = with
		}
	}
	return log
}
