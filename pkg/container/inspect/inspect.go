package inspect

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/volume"
	"github.com/rc-containers/rc/pkg/volume/driver"
)

// Container is all of a container that is not secret.
type Container struct {
	ID                      string `json:"Id"`
	Created                 time.Time
	Path                    string
	Args                    []string
	State                   State
	Image                   string // id
	ImageDigest             string
	ImageName               string
	Rootfs                  string
	Pod                     string
	ResolvConfPath          string
	HostnamePath            string
	HostsPath               string
	StaticDir               string
	LogPath                 string // docker's; podman has it in HostConfig.LogConfig
	OCIRuntime              string
	ConmonPidFile           string
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
	Mounts                  []Mount
	Dependencies            []string
	NetworkSettings         NetworkSettings
	Namespace               string
	IsInfra                 bool
	IsService               bool
	KubeExitCodePropagation string
	LockNumber              int    `json:"lockNumber"` //nolint:tagliatelle // podman's spelling; rc needs none
	OCIConfigPath           string // rc writes no config.json
	UseImageHosts           bool
	UseImageHostname        bool
	Config                  Config
	HostConfig              HostConfig
}

// GraphDriver says what a root filesystem is made of.
type GraphDriver struct {
	Name string
	Data map[string]string
}

// Mount is one mount that the user or the image asked for.
type Mount struct {
	Type        string
	Name        string `json:",omitempty"`
	Source      string
	Destination string
	Driver      string
	Mode        string
	Options     []string
	RW          bool
	Propagation string
	SubPath     string `json:",omitempty"`
}

// defaultPropagation is the value of a mount's propagation where none is said.
const defaultPropagation = "rprivate"

// Of is what the records say of a container. How much it has written (SizeRw, SizeRootFs) is
// for the caller to add.
func Of(root state.Root, e *state.Entry) (*Container, error) {
	c, err := root.Load(e.ID)
	if err != nil {
		return nil, fmt.Errorf("inspect container %q: %w", e.Name, err)
	}
	p := c.OCI.Process
	if p == nil {
		p = &specs.Process{}
	}
	leases, err := (&bridge.Store{Data: root.Data, Run: root.Run}).Held(c.ID)
	if err != nil {
		return nil, fmt.Errorf("inspect container %q: %w", e.Name, err)
	}
	run := func(name string) string { return filepath.Join(root.RunDir(c.ID), name) }
	i := &Container{
		UseImageHosts: c.Network.NoHosts, UseImageHostname: c.Network.NoHostname,
		ID: c.ID, Created: c.Created, State: stateOf(c, e), RestartCount: restarts(e),
		Image: c.Image.ID, ImageDigest: c.Image.Digest, ImageName: c.Image.Name, Rootfs: c.Rootfs.Path,
		HostsPath: run("hosts"), HostnamePath: run("hostname"), ResolvConfPath: run("resolv.conf"),
		StaticDir: root.Dir(c.ID), OCIRuntime: "rc-shim", PidFile: c.PIDFile, Name: e.Name, Driver: "overlay",
		EffectiveCaps: []string{}, BoundingCaps: []string{}, ExecIDs: []string{}, Dependencies: []string{}, Args: []string{},
		GraphDriver: graphDriver(root, c), Mounts: mounts(root, c),
		KubeExitCodePropagation: "invalid",
		Config:                  configOf(c, p), HostConfig: hostConfig(root, c, p), NetworkSettings: network(c, e, root.Network(c.ID), leases),
	}
	i.Dependencies = append(i.Dependencies, c.Requires...)
	if c.Network.Mode == spec.NetworkContainer && !slices.Contains(c.Requires, c.Network.Target) {
		i.Dependencies = append(i.Dependencies, c.Network.Target)
	}
	if reason := lostNetwork(root, c, e); reason != "" {
		i.NetworkSettings.HelperError, i.NetworkSettings.Down = reason, true
	}
	i.LogPath = i.HostConfig.LogConfig.Path
	if len(p.Args) > 0 {
		i.Path, i.Args = p.Args[0], p.Args[1:]
	}
	if p.Capabilities != nil {
		i.EffectiveCaps, i.BoundingCaps = nonNil(p.Capabilities.Effective), nonNil(p.Capabilities.Bounding)
	}
	return i, nil
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

func mounts(root state.Root, c *spec.Container) []Mount {
	out := []Mount{}
	volumes := volume.Root{Data: root.Data}
	for _, m := range c.OCI.Mounts {
		if !state.IsUserMount(root, c, m) {
			continue
		}
		i := Mount{Type: m.Type, Source: m.Source, Destination: m.Destination, Options: []string{}, RW: true, Propagation: defaultPropagation}
		options, subpath := spec.MountOptions(m)
		switch {
		case m.Type == spec.TypeVolume:
			i.Name, i.Driver, i.Source, i.SubPath = m.Source, spec.DriverLocal, driver.Source(volumes, m.Source), subpath
		case m.Type == spec.TypeImage:
			i.SubPath = subpath
		case strings.HasPrefix(m.Source, root.Dir(c.ID)+"/"):
			i.Type = spec.TypeVolume // an image's volume, which lies with a container of before rc had volumes
		default:
			i.Type = "bind"
		}
		for _, o := range options {
			switch o {
			case "ro", spec.OptReadOnlyTop, spec.OptReadOnlyAll:
				i.RW = false
			case "rw":
			case "private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable":
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

// nonNil makes JSON say [] instead of null.
func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
