package create

import (
	"encoding/json"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/secret"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/userns"
)

// Options are what a user asked for, parsed; a zero value asks for nothing.
type Options struct {
	Name        string
	Replace     bool // remove a container that has the name
	Labels      map[string]string
	Annotations map[string]string
	// CreateCommand is the argv that asked for it.
	CreateCommand []string

	Args       []string // after the image's name
	Entrypoint []string // nil: the image's; empty: none
	Env        Env
	Workdir    string
	User       string
	Identities
	// GroupAdd are names and numbers, or keep-groups alone.
	GroupAdd []string
	Umask    *uint32

	Hostname, Domainname string
	// "private" or "host"; "" is private.
	PID, IPC, UTS, CgroupNS string
	Network                 spec.Network
	Cgroups                 spec.Cgroups // Manager is the configuration's where it is ""

	CapAdd, CapDrop []string // as spec.ParseCapability returns them
	Privileged      bool
	SecurityOpt     []string // as given
	Security        spec.Security
	Sysctls         map[string]string
	// Personality is the execution domain, "" for the caller's.
	Personality specs.LinuxPersonalityDomain
	// Systemd is true (or ""), false or always.
	Systemd        string
	ShmSizeSystemd *int64   // bytes of each tmpfs for systemd, 0 for no limit
	ChrootDirs     []string // of the container, in which rc's own files are shown, too
	Requires       []string // ids of containers that are started first

	Mounts           []specs.Mount // of -v, --mount and --tmpfs
	VolumesFrom      []spec.VolumesFrom
	Devices          []spec.Device
	Secrets          []spec.Secret
	ImageVolume      string // anonymous (or ""; bind is the same), tmpfs or ignore
	ReadOnly         bool
	ReadOnlyTmpfs    bool
	ShmSize          int64 // bytes; 0 is the default of 64 MB
	TZ               string
	Rlimits          []specs.POSIXRlimit
	RlimitsHost      bool // --ulimit host: as the caller has them
	OOMScoreAdj      *int
	Resources        Resources
	Stdin, TTY       bool
	Attach           []string
	SigProxy         bool
	Init             bool
	Remove           bool
	PreserveFDs      int
	PreserveFD       []int // further ones by their numbers
	StopSignal       string
	StopTimeout      *uint
	Timeout          uint
	PIDFile, CIDFile string
	// NoContainerEnv leaves out /run/.containerenv.
	NoContainerEnv bool
	SDNotify       string // as spec.ParseNotify returns it; "" is container

	// Detach leaves the container to itself.
	Detach bool
	// DetachKeys are what a terminal sends for --detach-keys; nil is never.
	DetachKeys []byte
	Restart    spec.Restart
	// Log is --log-driver and --log-opt, the configuration's where Driver, MaxSize or Tag are
	// zero.
	Log    spec.Log
	Health Health
}

// Env says where the environment comes from, weakest first: Base and the defaults, the
// image, Merge, Set.
type Env struct {
	// Base is of the host: --env-host and the proxy variables of --http-proxy.
	Base []string
	// Merge are KEY=VALUE whose ${NAME} are taken from the image's environment.
	Merge []string
	// Set is of --env-file and --env.
	Set []string
	// Unset are names that the defaults and the image shall not set; UnsetAll is all of them.
	Unset    []string
	UnsetAll bool
}

// Resources are limits, as asked for; zero values are no limits.
type Resources struct {
	Memory            int64 // bytes
	MemorySwap        int64 // bytes, memory included; -1 is no limit
	MemoryReservation int64
	CPUQuota          int64  // microseconds per period
	CPUPeriod         uint64 // microseconds
	CPUShares         uint64
	CPUs              int64 // --cpus as microseconds per spec.CPUPeriod
	CpusetCPUs        string
	CpusetMems        string
	PIDsLimit         *int64 // -1 is no limit
	BlkioWeight       uint16
	BlkioWeightDevice []spec.Weight
	Unified           map[string]string // files of the cgroup, --cgroup-conf
	ReadBps           []spec.Throttle
	WriteBps          []spec.Throttle
	ReadIOps          []spec.Throttle
	WriteIOps         []spec.Throttle
}

// Image is what a container is made from: an image as the index knows it, or a root
// filesystem of the host (Rootfs.Path).
type Image struct {
	spec.Image
	Config index.ImageConfig
	// Healthcheck is spec.ImageHealth as the image has it; nil without.
	Healthcheck json.RawMessage
	Rootfs      spec.Rootfs
	// Release, where it is set, lets images be deleted again. Run calls it as soon as the
	// container's record names the image; calling it more than once does no harm.
	Release func()
}

// Environment is what Container has to know of the machine, the caller and the new container.
// It looks at nothing else.
type Environment struct {
	Config  *config.Config
	ID      string // 64 hex digits
	Name    string
	Created time.Time
	// Dir is the container's directory, RunDir the one that is gone after a reboot.
	Dir, RunDir string

	// UID and GID are the caller's. IDs is the default map, and Named what --subuidname and
	// --subgidname say: Identify looks them up where they are needed.
	UID, GID uint32
	IDs      userns.Map
	Named    spec.IDMaps
	// NetworkDir is the runtime directory of the container whose network is shared: its names are,
	// too.
	NetworkDir string
	// JoinsNested says that the container whose user namespace is joined has one of its own.
	JoinsNested bool

	Hostname string // the host's
	Rlimits  []specs.POSIXRlimit
	// Network is the mode of a private network, pasta or slirp4netns, and PublishNetwork that of
	// one with published ports.
	Network, PublishNetwork string
	// HostDevices are the nodes that --privileged shows.
	HostDevices []string
	// DefaultBinds are those of mounts.conf.
	DefaultBinds []specs.Mount
	// DeviceNumber is the major and minor number of a block device.
	DeviceNumber DeviceNumber
	// Secret finds a secret by its name or id.
	Secret func(nameOrID string) (*secret.Secret, error)
	// Exists tells whether a path of the host is there; the error says why not. Glob are those
	// that match a pattern.
	Exists func(path string) error
	Glob   func(pattern string) ([]string, error)
	// MountsOf are the mounts of another container that its user, or its image, asked for.
	MountsOf func(container string) ([]specs.Mount, error)
	// ImageLayers looks up an image that is to be mounted.
	ImageLayers func(name string) (Image, error)
}
