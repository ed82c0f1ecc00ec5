package inspect

import (
	"fmt"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/spec"
)

// Config is what the image and the flags made of the process.
type Config struct {
	Hostname                   string
	Domainname                 string
	User                       string
	AttachStdin                bool
	AttachStdout               bool
	AttachStderr               bool
	Tty                        bool
	ExposedPorts               map[string]struct{} `json:",omitempty"`
	OpenStdin                  bool
	StdinOnce                  bool
	Env                        []string
	Cmd                        []string
	Image                      string
	Volumes                    map[string]struct{}
	WorkingDir                 string
	Entrypoint                 []string
	OnBuild                    []string
	Labels                     map[string]string
	Annotations                map[string]string
	StopSignal                 string
	StopTimeout                uint
	Healthcheck                *spec.ImageHealth `json:",omitempty"`
	HealthcheckOnFailureAction string            `json:",omitempty"`
	HealthLogDestination       string            `json:",omitempty"`
	HealthcheckMaxLogCount     int               `json:",omitempty"`
	HealthcheckMaxLogSize      int               `json:",omitempty"`
	StartupHealthCheck         *StartupHealth    `json:",omitempty"`
	CreateCommand              []string          `json:",omitempty"`
	Umask                      string
	Secrets                    []Secret `json:",omitempty"`
	Timeout                    uint
	SDNotifyMode               string `json:"sdNotifyMode"`
}

// Secret is a secret that the container gets; what is in it is shown nowhere.
type Secret struct {
	Name, ID       string
	UID, GID, Mode uint32
}

// StartupHealth is the check of a container that starts.
type StartupHealth struct {
	spec.ImageHealth
	Successes int `json:",omitempty"`
}

func configOf(c *spec.Container, p *specs.Process) Config {
	i := Config{
		Hostname: c.OCI.Hostname, Domainname: c.OCI.Domainname, User: userText(p.User),
		AttachStdin: attached(c, "stdin") && c.Stdin, AttachStdout: attached(c, "stdout"), AttachStderr: attached(c, "stderr"),
		Tty: p.Terminal, OpenStdin: c.Stdin, StdinOnce: false,
		Env: nonNil(p.Env), Cmd: nonNil(c.Cmd), Image: c.Image.Name, WorkingDir: p.Cwd, Entrypoint: nonNil(c.Entrypoint),
		Labels: c.Labels, Annotations: c.OCI.Annotations, StopSignal: unix.SignalName(unix.Signal(c.StopSignal)),
		StopTimeout: c.StopTimeout, CreateCommand: c.CreateCommand, Timeout: c.Timeout,
	}
	if i.StopSignal == "" {
		i.StopSignal = fmt.Sprint(c.StopSignal) // a realtime one
	}
	if p.User.Umask != nil {
		i.Umask = fmt.Sprintf("%#04o", *p.User.Umask)
	}
	if len(c.ImageVolumes) > 0 {
		i.Volumes = map[string]struct{}{}
		for _, v := range c.ImageVolumes {
			i.Volumes[v] = struct{}{}
		}
	}
	for _, s := range c.Secrets {
		i.Secrets = append(i.Secrets, Secret{Name: s.Name, ID: s.ID, UID: s.UID, GID: s.GID, Mode: s.Mode})
	}
	if len(c.Network.Expose) > 0 {
		i.ExposedPorts = map[string]struct{}{}
		for _, port := range c.Network.Expose {
			i.ExposedPorts[port] = struct{}{}
		}
	}
	if i.SDNotifyMode = c.SDNotify; c.SDNotify == "" {
		i.SDNotifyMode = spec.NotifyContainer
	}
	i.healthcheck(c.Health)
	return i
}

func (i *Config) healthcheck(h *spec.Health) {
	if h == nil {
		return
	}
	i.Healthcheck = &spec.ImageHealth{
		Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
	}
	i.HealthcheckOnFailureAction = h.OnFailure
	if h.OnFailure == "" {
		i.HealthcheckOnFailureAction = spec.OnFailureNone
	}
	i.HealthLogDestination, i.HealthcheckMaxLogCount, i.HealthcheckMaxLogSize = "local", h.MaxLogCount, h.MaxLogSize
	if s := h.Startup; s != nil {
		i.StartupHealthCheck = &StartupHealth{
			ImageHealth: spec.ImageHealth{Test: s.Test, Interval: s.Interval, Timeout: s.Timeout, Retries: s.Retries}, Successes: s.Successes,
		}
	}
}

func userText(u specs.User) string {
	if u.Username != "" {
		return u.Username
	}
	if u.UID == 0 && u.GID == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%d", u.UID, u.GID)
}

func attached(c *spec.Container, stream string) bool {
	return len(c.Attach) == 0 || slices.Contains(c.Attach, stream)
}
