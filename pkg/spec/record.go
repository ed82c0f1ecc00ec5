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

// Read takes one field of what JSON has written.
func (s *State) Read(r *record.Reader, key string) {
	switch key {
	case "shimPID":
		s.ShimPID = record.Number[int](r)
	case "shimStart":
		s.ShimStart = record.Number[uint64](r)
	case "pid":
		s.PID = record.Number[int](r)
	case "pidStart":
		s.PIDStart = record.Number[uint64](r)
	case "started":
		s.Started = r.Time()
	case "restarts":
		s.Restarts = record.Number[int](r)
	case "phase":
		s.Phase = r.Text()
	case "cgroup":
		s.Cgroup = r.Text()
	case "scope":
		s.Scope = r.Text()
	case "mountProgram":
		s.MountProgram = r.Text()
	}
}

// Read takes one field of what JSON has written.
func (e *Exit) Read(r *record.Reader, key string) {
	switch key {
	case "code":
		e.Code = record.Number[int](r)
	case "finished":
		e.Finished = r.Time()
	case "started":
		e.Started = r.Time()
	case "pid":
		e.PID = record.Number[int](r)
	case "error":
		e.Error = r.Text()
	case "stopped":
		e.Stopped = r.Flag()
	case "restarts":
		e.Restarts = record.Number[int](r)
	case "oomKilled":
		e.OOMKilled = r.Flag()
	}
}

// Read takes one field of what encoding/json has written.
func (s *Summary) Read(r *record.Reader, key string) {
	switch key {
	case "id":
		s.ID = r.Text()
	case "name":
		s.Name = r.Text()
	case "image":
		s.Image = r.Text()
	case "imageID":
		s.ImageID = r.Text()
	case "command":
		s.Command = r.Texts()
	case "created":
		s.Created = r.Time()
	case "labels":
		s.Labels = map[string]string{}
		r.Object(func(key string) { s.Labels[key] = r.Text() })
	case "network":
		s.Network = r.Text()
	case "remove":
		s.Remove = r.Flag()
	case "mounts":
		s.Mounts = r.Texts()
	case "volumes":
		s.Volumes = r.Texts()
	case "mountedImages":
		s.MountedImages = r.Texts()
	case "restart":
		s.Restart = r.Text()
	case "health":
		s.Health = r.Flag()
	case "ports":
		r.Array(func() {
			var p Port
			r.Object(func(key string) { p.read(r, key) })
			s.Ports = append(s.Ports, p)
		})
	case "expose":
		s.Expose = r.Texts()
	case "rate":
		s.Rate = r.Text()
	case "requires":
		s.Requires = r.Texts()
	}
}

func (p *Port) read(r *record.Reader, key string) {
	switch key {
	case "hostIP":
		p.HostIP = r.Text()
	case "hostPort":
		p.HostPort = record.Number[uint16](r)
	case "hostLast":
		p.HostLast = record.Number[uint16](r)
	case "containerPort":
		p.ContainerPort = record.Number[uint16](r)
	case "range":
		p.Range = record.Number[uint16](r)
	case "protocol":
		p.Protocol = r.Text()
	}
}
