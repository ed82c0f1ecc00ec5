package container

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// HostConfigInspection is how a container sits on its host: limits, namespaces, privileges.
type HostConfigInspection struct {
	Binds           []string
	CgroupManager   string
	CgroupMode      string
	ContainerIDFile string
	LogConfig       struct{ Type string }
	NetworkMode     string
	PortBindings    map[string][]struct{ HostIP, HostPort string }
	RestartPolicy   struct {
		Name              string
		MaximumRetryCount uint
	}
	AutoRemove           bool
	Annotations          map[string]string
	VolumeDriver         string
	VolumesFrom          []string
	CapAdd               []string
	CapDrop              []string
	DNS                  []string `json:"Dns"`
	DNSOptions           []string `json:"DnsOptions"`
	DNSSearch            []string `json:"DnsSearch"`
	ExtraHosts           []string
	GroupAdd             []string
	IpcMode              string
	Cgroup               string
	Cgroups              string
	Links                []string
	OomScoreAdj          int
	PidMode              string
	Privileged           bool
	PublishAllPorts      bool
	ReadonlyRootfs       bool
	SecurityOpt          []string
	Tmpfs                map[string]string
	UTSMode              string
	UsernsMode           string
	ShmSize              int64
	Runtime              string
	ConsoleSize          [2]int
	Isolation            string
	CPUShares            uint64 `json:"CpuShares"`
	Memory               int64
	NanoCpus             int64
	CgroupParent         string
	BlkioWeight          uint16
	BlkioDeviceReadBps   []Throttle
	BlkioDeviceWriteBps  []Throttle
	BlkioDeviceReadIOps  []Throttle
	BlkioDeviceWriteIOps []Throttle
	CPUPeriod            uint64 `json:"CpuPeriod"`
	CPUQuota             int64  `json:"CpuQuota"`
	CpusetCpus           string
	CpusetMems           string
	Devices              []DeviceInspection
	MemoryReservation    int64
	MemorySwap           int64
	OomKillDisable       bool
	Init                 bool
	PidsLimit            int64
	Ulimits              []UlimitInspection
	Sysctls              map[string]string
	MaskedPaths          []string
	ReadonlyPaths        []string
}

// Throttle is a limit of a block device: bytes or operations per second.
type Throttle struct {
	Major, Minor int64
	Rate         uint64
}

// DeviceInspection is a device node in a container.
type DeviceInspection struct{ PathOnHost, PathInContainer, CgroupPermissions string }

// UlimitInspection is a resource limit.
type UlimitInspection struct {
	Name       string
	Soft, Hard uint64
}

func inspectHostConfig(root state.Root, c *spec.Container, p *specs.Process) HostConfigInspection {
	h := HostConfigInspection{
		Binds: binds(root, c), CgroupManager: c.Cgroups.Manager, Cgroups: c.Cgroups.Mode, CgroupParent: c.Cgroups.Parent,
		ContainerIDFile: c.CIDFile, NetworkMode: c.Network.Mode, AutoRemove: c.Remove, Annotations: c.OCI.Annotations,
		PortBindings: map[string][]struct{ HostIP, HostPort string }{}, VolumesFrom: []string{},
		DNS: []string{}, DNSOptions: []string{}, DNSSearch: []string{}, ExtraHosts: []string{}, Links: []string{},
		GroupAdd: nonNil(c.GroupAdd), Privileged: c.Privileged, SecurityOpt: nonNil(c.SecurityOpt),
		Tmpfs: map[string]string{}, Runtime: "rc", Init: c.Init, Devices: []DeviceInspection{}, Ulimits: []UlimitInspection{},
		CgroupMode: namespaceMode(c, specs.CgroupNamespace), IpcMode: namespaceMode(c, specs.IPCNamespace),
		PidMode: namespaceMode(c, specs.PIDNamespace), UTSMode: namespaceMode(c, specs.UTSNamespace),
	}
	h.LogConfig.Type = "passthrough"
	h.RestartPolicy.Name = "no"
	if c.OCI.Root != nil {
		h.ReadonlyRootfs = c.OCI.Root.Readonly
	}
	if p.OOMScoreAdj != nil {
		h.OomScoreAdj = *p.OOMScoreAdj
	}
	for _, l := range p.Rlimits {
		h.Ulimits = append(h.Ulimits, UlimitInspection{l.Type, l.Soft, l.Hard})
	}
	h.CapAdd, h.CapDrop = capChanges(p)
	for _, m := range c.OCI.Mounts {
		if m.Type == "tmpfs" && !ownTmpfs(m.Destination) {
			h.Tmpfs[m.Destination] = strings.Join(m.Options, ",")
		}
		if m.Destination == "/dev/shm" {
			h.ShmSize = shmSize(m.Options)
		}
	}
	if l := c.OCI.Linux; l != nil {
		h.Sysctls, h.MaskedPaths, h.ReadonlyPaths = l.Sysctl, l.MaskedPaths, l.ReadonlyPaths
		for _, d := range l.Devices {
			h.Devices = append(h.Devices, DeviceInspection{d.Path, d.Path, "rwm"})
		}
		h.limits(l.Resources)
	}
	return h
}

// limits copies what a container may use.
func (h *HostConfigInspection) limits(r *specs.LinuxResources) {
	if r == nil {
		return
	}
	if m := r.Memory; m != nil {
		h.Memory, h.MemorySwap, h.MemoryReservation = value(m.Limit), value(m.Swap), value(m.Reservation)
		h.OomKillDisable = value(m.DisableOOMKiller)
	}
	if c := r.CPU; c != nil {
		h.CPUShares, h.CPUPeriod, h.CPUQuota = value(c.Shares), value(c.Period), value(c.Quota)
		h.CpusetCpus, h.CpusetMems = c.Cpus, c.Mems
		if h.CPUPeriod > 0 && h.CPUQuota > 0 {
			h.NanoCpus = int64(float64(h.CPUQuota) / float64(h.CPUPeriod) * 1e9)
		}
	}
	if r.Pids != nil {
		h.PidsLimit = value(r.Pids.Limit)
	}
	if b := r.BlockIO; b != nil {
		h.BlkioWeight = value(b.Weight)
		h.BlkioDeviceReadBps, h.BlkioDeviceWriteBps = throttles(b.ThrottleReadBpsDevice), throttles(b.ThrottleWriteBpsDevice)
		h.BlkioDeviceReadIOps, h.BlkioDeviceWriteIOps = throttles(b.ThrottleReadIOPSDevice), throttles(b.ThrottleWriteIOPSDevice)
	}
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func throttles(list []specs.LinuxThrottleDevice) []Throttle {
	var out []Throttle
	for _, t := range list {
		out = append(out, Throttle{t.Major, t.Minor, t.Rate})
	}
	return out
}

// binds are the user's mounts as -v would take them.
func binds(root state.Root, c *spec.Container) []string {
	out := []string{}
	for _, m := range c.OCI.Mounts {
		if state.IsUserMount(root, c, m) {
			out = append(out, strings.Join([]string{m.Source, m.Destination, strings.Join(m.Options, ",")}, ":"))
		}
	}
	return out
}

// namespaceMode is private for a namespace of the container's own, host otherwise.
func namespaceMode(c *spec.Container, kind specs.LinuxNamespaceType) string {
	if c.OCI.Linux != nil && spec.HasNamespace(&c.OCI, kind) {
		return "private"
	}
	return "host"
}

// capChanges compares a process's capabilities with the default ones.
func capChanges(p *specs.Process) (add, drop []string) {
	add, drop = []string{}, []string{}
	if p.Capabilities == nil {
		return add, drop
	}
	usual, has := oci.DefaultCapabilities(), p.Capabilities.Bounding
	for _, c := range has {
		if !slices.Contains(usual, c) {
			add = append(add, c)
		}
	}
	for _, c := range usual {
		if !slices.Contains(has, c) {
			drop = append(drop, c)
		}
	}
	return add, drop
}

// ownTmpfs says whether every container has a tmpfs there.
func ownTmpfs(destination string) bool {
	return destination == "/dev" || destination == "/dev/shm" || strings.HasPrefix(destination, "/sys/") || strings.HasPrefix(destination, "/proc/")
}

// shmSize reads the size option of /dev/shm; spec writes it in bytes, or with a k.
func shmSize(options []string) int64 {
	for _, o := range options {
		text, ok := strings.CutPrefix(o, "size=")
		if !ok {
			continue
		}
		if n, err := spec.ParseSize(text); err == nil {
			return n
		}
	}
	return 0
}
