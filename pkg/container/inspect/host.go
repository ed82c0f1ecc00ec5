package inspect

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
	"github.com/rc-containers/rc/pkg/state"
)

// HostConfig is how a container sits on its host: limits, namespaces, privileges.
type HostConfig struct {
	Binds                []string
	CgroupManager        string
	CgroupMode           string
	ContainerIDFile      string
	LogConfig            LogConfig
	NetworkMode          string
	PortBindings         map[string][]HostPort
	RestartPolicy        RestartPolicy
	AutoRemove           bool
	AutoRemoveImage      bool
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
	NetworkRate          string `json:",omitempty"` // rc's own: --network-rate
	ReadonlyRootfs       bool
	SecurityOpt          []string
	Tmpfs                map[string]string
	UTSMode              string
	UsernsMode           string
	IDMappings           *IDMappings `json:",omitempty"`
	ShmSize              int64
	Runtime              string
	ConsoleSize          [2]int
	Isolation            string
	CPUShares            uint64 `json:"CpuShares"`
	Memory               int64
	NanoCpus             int64
	CgroupParent         string
	BlkioWeight          uint16
	BlkioWeightDevice    []Throttle
	BlkioDeviceReadBps   []Throttle
	BlkioDeviceWriteBps  []Throttle
	BlkioDeviceReadIOps  []Throttle
	BlkioDeviceWriteIOps []Throttle
	CPUPeriod            uint64 `json:"CpuPeriod"`
	CPUQuota             int64  `json:"CpuQuota"`
	CPURealtimePeriod    uint64 `json:"CpuRealtimePeriod"`
	CPURealtimeRuntime   int64  `json:"CpuRealtimeRuntime"`
	CpusetCpus           string
	CpusetMems           string
	Devices              []Device
	DiskQuota            uint64
	KernelMemory         int64
	MemoryReservation    int64
	MemorySwap           int64
	MemorySwappiness     int64
	OomKillDisable       bool
	Init                 bool
	PidsLimit            int64
	Ulimits              []Ulimit
	Sysctls              map[string]string
	CPUCount             uint64 `json:"CpuCount"`
	CPUPercent           uint64 `json:"CpuPercent"`
	IOMaximumIOps        uint64
	IOMaximumBandwidth   uint64
	CgroupConf           map[string]string
	MaskedPaths          []string
	ReadonlyPaths        []string
}

// Throttle is a limit of a block device: bytes or operations per second.
type Throttle struct {
	Path string
	Rate uint64
}

// RestartPolicy says what becomes of a container that ends by itself.
type RestartPolicy struct {
	Name              string
	MaximumRetryCount uint
}

// LogConfig says where a container's output goes. Config holds what docker has there, the
// other fields are podman's.
type LogConfig struct {
	Type   string
	Config map[string]string
	Path   string
	Tag    string
	Size   string
}

// Device is a device node in a container.
type Device struct{ PathOnHost, PathInContainer, CgroupPermissions string }

// Ulimit is a resource limit.
type Ulimit struct {
	Name       string
	Soft, Hard uint64
}

func hostConfig(root state.Root, c *spec.Container, p *specs.Process) HostConfig {
	h := HostConfig{
		Binds: binds(root, c), CgroupManager: c.Cgroups.Manager, Cgroups: c.Cgroups.Mode, CgroupParent: c.Cgroups.Parent,
		ContainerIDFile: c.CIDFile, NetworkMode: networkMode(&c.Network), AutoRemove: c.Remove, Annotations: c.OCI.Annotations,
		PortBindings: bindings(c.Network.Ports), PublishAllPorts: c.Network.PublishAll, VolumesFrom: nonNil(c.VolumesFrom),
		DNS: nonNil(c.Network.DNS), DNSOptions: nonNil(c.Network.DNSOptions), DNSSearch: nonNil(c.Network.DNSSearch),
		ExtraHosts: nonNil(c.Network.AddHosts), NetworkRate: c.Network.Rate.String(), Links: []string{},
		GroupAdd: nonNil(c.GroupAdd), Privileged: c.Privileged, SecurityOpt: nonNil(c.SecurityOpt),
		Tmpfs: map[string]string{}, Runtime: "rc", Init: c.Init, Devices: []Device{}, Ulimits: []Ulimit{},
		CgroupMode: namespaceMode(c, specs.CgroupNamespace), IpcMode: namespaceMode(c, specs.IPCNamespace),
		PidMode: namespaceMode(c, specs.PIDNamespace), UTSMode: namespaceMode(c, specs.UTSNamespace),
	}
	h.UsernsMode, h.IDMappings = identities(root, c)
	h.LogConfig, h.RestartPolicy = logConfig(root, c), restartPolicy(c)
	if c.OCI.Root != nil {
		h.ReadonlyRootfs = c.OCI.Root.Readonly
	}
	if p.OOMScoreAdj != nil {
		h.OomScoreAdj = *p.OOMScoreAdj
	}
	for _, l := range p.Rlimits {
		h.Ulimits = append(h.Ulimits, Ulimit{l.Type, l.Soft, l.Hard})
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
			h.Devices = append(h.Devices, Device{d.Path, d.Path, "rwm"})
		}
		h.limits(l.Resources)
	}
	return h
}

// limits copies what a container may use.
func (h *HostConfig) limits(r *specs.LinuxResources) {
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
		out = append(out, Throttle{blockDevice("/sys/dev/block", t.Major, t.Minor), t.Rate})
	}
	return out
}

// blockDevice is a device's path as udev calls it, else its number.
func blockDevice(sys string, major, minor int64) string {
	number := fmt.Sprintf("%d:%d", major, minor)
	data, err := os.ReadFile(filepath.Join(sys, number, "uevent"))
	if err != nil {
		return number
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if name, ok := strings.CutPrefix(line, "DEVNAME="); ok {
			return "/dev/" + name
		}
	}
	return number
}

func restartPolicy(c *spec.Container) RestartPolicy {
	policy := RestartPolicy{Name: c.Restart.Policy, MaximumRetryCount: c.Restart.Retries}
	if policy.Name == "" {
		policy.Name = spec.RestartNo
	}
	return policy
}

func logConfig(root state.Root, c *spec.Container) LogConfig {
	log := LogConfig{Type: c.Log.Driver, Tag: c.Log.Tag, Size: strings.ReplaceAll(format.Size(c.Log.MaxSize), " ", ""), Config: map[string]string{}}
	if log.Type == "" {
		log.Type = spec.LogDrivers()[0]
	}
	if log.Type == "k8s-file" || log.Type == "json-file" {
		log.Path = c.Log.File(root.Dir(c.ID))
	}
	if c.Log.MaxSize > 0 {
		log.Config["max-size"] = strconv.FormatInt(c.Log.MaxSize, 10)
	}
	if c.Log.MaxFiles > 0 {
		log.Config["max-file"] = strconv.Itoa(c.Log.MaxFiles)
	}
	if c.Log.Path != "" {
		log.Config["path"] = c.Log.Path
	}
	if c.Log.Tag != "" {
		log.Config["tag"] = c.Log.Tag
	}
	return log
}

// binds are the user's mounts as -v would take them.
func binds(root state.Root, c *spec.Container) []string {
	out := []string{}
	for _, m := range c.OCI.Mounts {
		if state.IsUserMount(root, c, m) && m.Type != spec.TypeImage {
			options, _ := spec.MountOptions(m)
			out = append(out, strings.Join([]string{m.Source, m.Destination, strings.Join(options, ",")}, ":"))
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
		if n, err := parse.Size(text); err == nil {
			return n
		}
	}
	return 0
}
