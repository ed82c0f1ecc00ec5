package container

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// Inspection is what `rc inspect` shows of a container: podman's names and layout, where
// rc has the thing; docker's are a subset of it.
type Inspection struct {
	ID                      string `json:"Id"`
	Created                 time.Time
	Path                    string
	Args                    []string
	State                   StateInspection
	Image                   string // id
	ImageDigest             string
	ImageName               string
	Rootfs                  string
	Pod                     string
	ResolvConfPath          string
	HostnamePath            string
	HostsPath               string
	StaticDir               string
	OCIRuntime              string
	PidFile                 string
	Name                    string
	RestartCount            int
	Driver                  string
	MountLabel              string
	ProcessLabel            string
	AppArmorProfile         string
	EffectiveCaps           []string
	BoundingCaps            []string
	ExecIDs                 []string
	GraphDriver             GraphDriver
	SizeRw                  *int64 `json:",omitempty"`
	SizeRootFs              *int64 `json:",omitempty"`
	Mounts                  []MountInspection
	Dependencies            []string
	NetworkSettings         NetworkInspection
	Namespace               string
	IsInfra                 bool
	IsService               bool
	KubeExitCodePropagation string
	Config                  ConfigInspection
	HostConfig              HostConfigInspection
}

// StateInspection is a container's state.
type StateInspection struct {
	OciVersion     string
	Status         string
	Running        bool
	Paused         bool
	Restarting     bool
	OOMKilled      bool
	Dead           bool
	Pid            int
	ConmonPid      int // the shim's, where podman has conmon
	ExitCode       int
	Error          string
	StartedAt      time.Time
	FinishedAt     time.Time
	CgroupPath     string
	Scope          string `json:",omitempty"`
	MountProgram   string `json:",omitempty"`
	CheckpointedAt time.Time
	RestoredAt     time.Time
}

// GraphDriver says what a root filesystem is made of.
type GraphDriver struct {
	Name string
	Data map[string]string
}

// MountInspection is one mount that the user or the image asked for.
type MountInspection struct {
	Type        string
	Name        string `json:",omitempty"`
	Source      string
	Destination string
	Driver      string
	Mode        string
	Options     []string
	RW          bool
	Propagation string
}

// NetworkInspection says how a container is connected.
type NetworkInspection struct {
	EndpointID             string
	Gateway                string
	IPAddress              string
	IPPrefixLen            int
	IPv6Gateway            string
	GlobalIPv6Address      string
	GlobalIPv6PrefixLen    int
	MacAddress             string
	Bridge                 string
	SandboxID              string
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	Ports                  map[string][]struct{ HostIP, HostPort string }
	SandboxKey             string
	Networks               map[string]struct{ NetworkID string } `json:",omitempty"`
}

// ConfigInspection is what the image and the flags made of the process.
type ConfigInspection struct {
	Hostname      string
	Domainname    string
	User          string
	AttachStdin   bool
	AttachStdout  bool
	AttachStderr  bool
	Tty           bool
	OpenStdin     bool
	StdinOnce     bool
	Env           []string
	Cmd           []string
	Image         string
	Volumes       map[string]struct{}
	WorkingDir    string
	Entrypoint    []string
	OnBuild       []string
	Labels        map[string]string
	Annotations   map[string]string
	StopSignal    string
	StopTimeout   uint
	CreateCommand []string `json:",omitempty"`
	Umask         string
	Timeout       uint
}

// defaultPropagation is the value of a mount's propagation where none is said.
const defaultPropagation = "rprivate"

// Inspect says everything about a container that is not secret. size adds how much it has
// written, and needs the default map.
func Inspect(root state.Root, e *state.Entry, size bool) (*Inspection, error) {
	c, err := root.Load(e.ID)
	if err != nil {
		return nil, fmt.Errorf("inspect container %q: %w", e.Name, err)
	}
	p := c.OCI.Process
	if p == nil {
		p = &specs.Process{}
	}
	run := func(name string) string { return filepath.Join(root.RunDir(c.ID), name) }
	i := &Inspection{
		ID: c.ID, Created: c.Created, State: inspectState(c, e),
		Image: c.Image.ID, ImageDigest: c.Image.Digest, ImageName: c.Image.Name, Rootfs: c.Rootfs.Path,
		HostsPath: run("hosts"), HostnamePath: run("hostname"), ResolvConfPath: run("resolv.conf"),
		StaticDir: root.Dir(c.ID), OCIRuntime: "rc-shim", PidFile: c.PIDFile, Name: c.Name, Driver: "overlay",
		EffectiveCaps: []string{}, BoundingCaps: []string{}, ExecIDs: []string{}, Dependencies: []string{}, Args: []string{},
		GraphDriver: graphDriver(root, c), Mounts: inspectMounts(root, c),
		KubeExitCodePropagation: "invalid",
		Config:                  inspectConfig(c, p), HostConfig: inspectHostConfig(root, c, p),
		NetworkSettings: NetworkInspection{Ports: map[string][]struct{ HostIP, HostPort string }{}},
	}
	if len(p.Args) > 0 {
		i.Path, i.Args = p.Args[0], p.Args[1:]
	}
	if p.Capabilities != nil {
		i.EffectiveCaps, i.BoundingCaps = nonNil(p.Capabilities.Effective), nonNil(p.Capabilities.Bounding)
	}
	if size {
		n, err := WrittenSize(root, c.ID)
		if err != nil {
			return nil, fmt.Errorf("size of container %q: %w", e.Name, err)
		}
		i.SizeRw = &n
	}
	return i, nil
}

func inspectState(c *spec.Container, e *state.Entry) StateInspection {
	s := StateInspection{OciVersion: c.OCI.Version, Status: e.Status, Running: e.Status == state.Running, StartedAt: Started(*e)}
	if e.State != nil {
		s.CgroupPath, s.Scope, s.MountProgram = e.State.Cgroup, e.State.Scope, e.State.MountProgram
	}
	if s.Running && e.State != nil {
		s.Pid, s.ConmonPid = e.State.PID, e.State.ShimPID
		return s // what its last life ended with is not its state
	}
	if e.Exit != nil {
		s.ExitCode, s.FinishedAt, s.OOMKilled, s.Error = e.Exit.Code, e.Exit.Finished, e.Exit.OOMKilled, e.Exit.Error
	}
	return s
}

func graphDriver(root state.Root, c *spec.Container) GraphDriver {
	g := GraphDriver{Name: "overlay", Data: map[string]string{}}
	lower := slices.Clone(c.Rootfs.Lower)
	if c.Rootfs.Overlay {
		lower = append(lower, c.Rootfs.Path)
	}
	if len(lower) == 0 { // --rootfs: the directory itself
		g.Data["RootDir"] = c.Rootfs.Path
		return g
	}
	dir := root.Dir(c.ID)
	g.Data["LowerDir"] = strings.Join(lower, ":")
	g.Data["UpperDir"], g.Data["WorkDir"] = filepath.Join(dir, "upper"), filepath.Join(dir, "work")
	return g
}

func inspectMounts(root state.Root, c *spec.Container) []MountInspection {
	out := []MountInspection{}
	for _, m := range c.OCI.Mounts {
		if !state.IsUserMount(root, c, m) {
			continue
		}
		kind := "bind"
		if strings.HasPrefix(m.Source, root.Dir(c.ID)+"/") {
			kind = "volume" // an image's volume, which lies with the container
		}
		i := MountInspection{Type: kind, Source: m.Source, Destination: m.Destination, Options: []string{}, RW: true, Propagation: defaultPropagation}
		for _, o := range m.Options {
			switch o {
			case "ro":
				i.RW = false
			case "rw":
			case "private", "rprivate", "slave", "rslave", "shared", "rshared":
				i.Propagation = o
			case "z", "Z":
				i.Mode = o
			default:
				i.Options = append(i.Options, o)
			}
		}
		out = append(out, i)
	}
	return out
}

func inspectConfig(c *spec.Container, p *specs.Process) ConfigInspection {
	i := ConfigInspection{
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
	return i
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

// nonNil makes JSON say [] instead of null.
func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
