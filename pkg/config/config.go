package config

// Config is what one call of rc works with: paths and settings, each already decided.
// It is made once by Load and read by everyone; nobody changes it.
type Config struct {
	// DataRoot holds what must survive a reboot: --root, else $XDG_DATA_HOME/rc.
	DataRoot string
	// RunRoot is gone after a reboot: --runroot, else $XDG_RUNTIME_DIR/rc (see Load).
	RunRoot string
	// TmpDir is for large temporary files: --tmpdir, else $TMPDIR, else /var/tmp.
	TmpDir string
	// StorageDriver is overlay, the only one.
	StorageDriver string
	// MountProgram is auto, native or fuse-overlayfs (--storage-opt mount_program=), or
	// the absolute path of a program that is called as fuse-overlayfs is.
	MountProgram string
	// CgroupManager is systemd or cgroupfs.
	CgroupManager string
	// LogLevel is debug, info, warn, error, …; Debug also times each stage of the call.
	LogLevel string
	Debug    bool

	// CDISpecDirs are where devices with CDI names are looked up, a later directory's counting:
	// --cdi-spec-dir, else cdi_spec_dirs, else those of root, of the user, and of this boot.
	CDISpecDirs []string
	// HooksDirs have OCI hooks for containers: --hooks-dir, else hooks_dir.
	HooksDirs []string

	// MountsFiles are the mounts.conf that may exist, stronger ones first.
	MountsFiles []string

	// Containers are the defaults that containers.conf gives to new containers.
	Containers Containers
	// Files are the configuration files that were read, for info.
	Files []string
}

// Containers are the keys of containers.conf(5) that rc uses. A zero value says that no
// file has the key.
type Containers struct {
	Annotations  []string
	Capabilities []string // default_capabilities
	Cgroups      string
	Sysctls      []string // default_sysctls
	Ulimits      []string // default_ulimits
	Devices      []string
	Env          []string
	EnvHost      bool
	HTTPProxy    *bool
	Init         bool
	CgroupNS     string
	IPCNS        string
	PIDNS        string
	UTSNS        string
	UserNS       string
	// Network is netns of [containers]; "private" stands for NetworkCommand.
	Network string
	// NetworkCommand is default_rootless_network_cmd: pasta or slirp4netns, "" for rc's choice.
	NetworkCommand string
	// DefaultNetwork, DefaultSubnet and SubnetPools are of [network]: the bridge network that
	// is always there, and where subnets are taken from.
	DefaultNetwork string
	DefaultSubnet  string
	SubnetPools    []SubnetPool
	// PastaOptions and Slirp4netnsOptions (network_cmd_options) come before those of --network.
	PastaOptions, Slirp4netnsOptions    []string
	DNSServers, DNSSearches, DNSOptions []string
	// BaseHostsFile is what containers' /etc/hosts begins with: a path, none or image.
	BaseHostsFile string
	// HostContainersIP is the address of host.containers.internal; none leaves it out.
	HostContainersIP    string
	NoHosts, NoHostname bool
	OOMScoreAdj         *int
	PIDsLimit           *int64
	PullPolicy          string
	ReadOnly            bool
	SeccompProfile      string
	ShmSize             string
	StopTimeout         *uint
	TZ                  string
	Umask               string
	Volumes             []string
	Mounts              []string
	LogDriver           string
	LogSizeMax          int64 // bytes; 0 or less is no limit
	LogTag              string
	// DetachKeys is detach_keys of [engine]; "" is none, nil that no file has it.
	DetachKeys *string
	// HelperDirs are where network helpers and mount programs may lie beside $PATH.
	HelperDirs []string
}

// SubnetPool is an element of default_subnet_pools: subnets of Size bits in Base.
type SubnetPool struct {
	Base string `toml:"base"`
	Size int    `toml:"size"`
}

// StorageRoot is the image store's directory.
func (c *Config) StorageRoot() string { return c.DataRoot + "/storage" }

// StorageRunRoot is the image store's runtime directory.
func (c *Config) StorageRunRoot() string { return c.RunRoot + "/storage" }

// IndexPath is the image index that the run path reads.
func (c *Config) IndexPath() string { return c.DataRoot + "/index.json" }
