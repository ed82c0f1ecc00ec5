package spec

import (
	"github.com/rc-containers/rc/pkg/record"
)

// JSON is what encoding/json makes of it; see package record.
func (s *State) JSON() []byte {
	var o record.Object
	o.Number("shimPID", int64(s.ShimPID), true)
	o.Number("shimStart", int64(s.ShimStart), true)
	o.Number("pid", int64(s.PID), true)
	o.Number("pidStart", int64(s.PIDStart), true)
	o.Time("started", s.Started)
	o.Number("restarts", int64(s.Restarts), false)
	o.TextIfAny("phase", s.Phase)
	o.TextIfAny("cgroup", s.Cgroup)
	o.TextIfAny("scope", s.Scope)
	o.TextIfAny("mountProgram", s.MountProgram)
	return o.JSON()
}

// JSON is what encoding/json makes of it; see package record.
func (e *Exit) JSON() []byte {
	var o record.Object
	o.Number("code", int64(e.Code), true)
	o.Time("finished", e.Finished)
	o.Time("started", e.Started)
	o.Number("pid", int64(e.PID), false)
	o.TextIfAny("error", e.Error)
	o.Flag("stopped", e.Stopped)
	o.Number("restarts", int64(e.Restarts), false)
	o.Flag("oomKilled", e.OOMKilled)
	return o.JSON()
}
