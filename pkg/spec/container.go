package spec

import (
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Container describes one container. It is what `rc run` makes of flags and image,
// what container.json holds, what the shim is told and what inspect shows.
type Container struct {
	ID      string    `json:"id"` // 64 hex digits
	Name    string    `json:"name"`
	Created time.Time `json:"created"`

	Image  Image  `json:"image,omitzero"` // zero with --rootfs
	Rootfs Rootfs `json:"rootfs"`

	// OCI is the runtime description: process, mounts, hostname, namespaces, resources,
	// masked paths, sysctls, devices. A namespace that is absent is the host's. Seccomp is
	// not in it (see Seccomp). Process.User.Username, where set, is what -u or the image
	// said ("name", "name:group", "uid", "uid:gid"): the init child resolves it against the
	// container's passwd and group files, and sets HOME where the environment has none.
	// Mount options may hold "copyup": fill an empty source from what the image has at the
	// destination first (anonymous volumes); and podman's "tmpcopyup" for tmpfs.
	OCI specs.Spec `json:"oci"`

	// GroupAdd are supplementary groups by name or number, which the init child looks up in
	// the container's group file; keep-groups, alone, keeps the caller's.
	GroupAdd []string `json:"groupAdd,omitempty"`

	// Userns says which user namespace the container has. Its maps are in OCI.Linux, in numbers of
	// the default map; those of auto are chosen at each start, and container's are the other's.
	Userns Userns `json:"userns,omitzero"`

	// Entrypoint and Cmd are as given or from the image; OCI.Process.Args is both.
	Entrypoint []string          `json:"entrypoint,omitempty"`
	Cmd        []string          `json:"cmd,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	// CreateCommand is the argv that made the container.
	CreateCommand []string `json:"createCommand,omitempty"`

	Network Network `json:"network"`
	Cgroups Cgroups `json:"cgroups"`

	// Seccomp is "" for the default profile, "unconfined", or a JSON file's path.
	Seccomp string `json:"seccomp,omitempty"`
	// SecurityOpt is --security-opt as given, for inspect.
	SecurityOpt []string `json:"securityOpt,omitempty"`
	Privileged  bool     `json:"privileged,omitempty"`

	Stdin  bool     `json:"stdin,omitempty"`  // -i: the container reads rc's standard input
	Attach []string `json:"attach,omitempty"` // -a: of stdin, stdout, stderr; empty is all
	// SigProxy hands rc's signals to the first process.
	SigProxy bool `json:"sigProxy"`
	// Init runs a small init as pid 1 that reaps and forwards signals.
	Init   bool `json:"init,omitempty"`
	Remove bool `json:"remove,omitempty"` // --rm
	// PreserveFDs is how many descriptors from 3 on the first process inherits.
	PreserveFDs int `json:"preserveFDs,omitempty"`

	StopSignal  int  `json:"stopSignal"`        // number; 15 by default
	StopTimeout uint `json:"stopTimeout"`       // seconds until SIGKILL; 10 by default
	Timeout     uint `json:"timeout,omitempty"` // seconds the container may run; 0 is for ever

	// SDNotify is --sdnotify: NotifyContainer (or ""), NotifyConmon, NotifyHealthy or NotifyIgnore.
	SDNotify string `json:"sdNotify,omitempty"`

	PIDFile string `json:"pidFile,omitempty"`
	CIDFile string `json:"cidFile,omitempty"`

	Restart Restart `json:"restart,omitzero"`
	// Requires are ids of containers that are started before this one.
	Requires []string `json:"requires,omitempty"`
	Log      Log      `json:"log,omitzero"`
	// Health is nil without a healthcheck.
	Health *Health `json:"health,omitempty"`

	// CDIDevices are devices by their CDI names; what they change is not in OCI.
	CDIDevices []string `json:"cdiDevices,omitempty"`
	// Secrets are those that the container gets: their names, never what is in them. Its own copies
	// are files "secrets/<n>" in its directory.
	Secrets []Secret `json:"secrets,omitempty"`

	// VolumesFrom is --volumes-from as given, for inspect: the mounts are in OCI.Mounts.
	VolumesFrom []string `json:"volumesFrom,omitempty"`

	// ImageVolumes are directories that the image declares as volumes. In records of before
	// rc had volumes each is a directory "volumes/<n>" of the container and a bind mount with
	// "copyup" in OCI.Mounts.
	ImageVolumes []string `json:"imageVolumes,omitempty"`
}

// Image is the image that a container was made from.
type Image struct {
	ID     string `json:"id"`               // hex digits, no algorithm
	Name   string `json:"name"`             // docker.io/library/alpine:latest
	Digest string `json:"digest,omitempty"` // of the manifest, sha256:…
}

// Rootfs says what the root filesystem is made of.
type Rootfs struct {
	// Lower are the layer directories, topmost first; absolute paths.
	Lower []string `json:"lower,omitempty"`
	// Path is a directory to be used as it is (--rootfs PATH), or as the only lower
	// directory where Overlay is set (--rootfs PATH:O).
	Path    string `json:"path,omitempty"`
	Overlay bool   `json:"overlay,omitempty"`
	// Upper and Work are the overlay's directories above the layers where they are not the container's
	// own: those of a step of a build, which stay when the container goes.
	Upper string `json:"upper,omitempty"`
	Work  string `json:"work,omitempty"`
	// MountProgram is auto, native or fuse-overlayfs.
	MountProgram string `json:"mountProgram,omitempty"`
	// Volatile mounts without syncing: the container goes when it ends (--rm).
	Volatile bool `json:"volatile,omitempty"`
}

// IDMaps are the maps of a user namespace within the default one: HostID is a number of that.
type IDMaps struct {
	UIDs []specs.LinuxIDMapping `json:"uids"`
	GIDs []specs.LinuxIDMapping `json:"gids"`
}

// Cgroups says where a container's processes are counted and limited.
type Cgroups struct {
	// Mode is enabled, disabled or split.
	Mode string `json:"mode"`
	// Manager is systemd or cgroupfs.
	Manager string `json:"manager"`
	// Parent is --cgroup-parent: a slice for systemd, a directory for cgroupfs.
	Parent string `json:"parent,omitempty"`
	// DefaultPIDs says that the limit of processes is containers.conf's, and nobody's wish for this container.
	DefaultPIDs bool `json:"defaultPids,omitempty"`
}

// Restart says what becomes of a container that ends by itself.
type Restart struct {
	// Policy is "" or no, on-failure, always, or unless-stopped.
	Policy string `json:"policy,omitempty"`
	// Retries is how often on-failure restarts; 0 is without end.
	Retries uint `json:"retries,omitempty"`
}

// Log says where a container's output goes.
type Log struct {
	// Driver is k8s-file (or ""), json-file, journald, none or passthrough.
	Driver string `json:"driver,omitempty"`
	// Path is the file's, "" for the one in the container's directory.
	Path string `json:"path,omitempty"`
	// MaxSize is when the file is rotated, in bytes; 0 is never. MaxFiles is how many there
	// are then, the current one included; 0 is 2.
	MaxSize  int64 `json:"maxSize,omitempty"`
	MaxFiles int   `json:"maxFiles,omitempty"`
	// Tag goes with each line: journald's CONTAINER_TAG, json-file's attrs.tag. k8s-file has no
	// place for one: rc logs --details shows it.
	Tag string `json:"tag,omitempty"`
}

// What becomes of a container whose healthcheck fails (Health.OnFailure).
const (
	OnFailureNone    = "none"
	OnFailureKill    = "kill"
	OnFailureRestart = "restart"
	OnFailureStop    = "stop"
)

// Health is how a container is asked whether it is well. Durations are in nanoseconds.
type Health struct {
	// Test is podman's and docker's form: ["CMD", ARG…] or ["CMD-SHELL", "line"].
	Test          []string      `json:"test"`
	Interval      time.Duration `json:"interval"` // 0 is never by itself: rc healthcheck run only
	Timeout       time.Duration `json:"timeout"`
	StartPeriod   time.Duration `json:"startPeriod,omitempty"`
	StartInterval time.Duration `json:"startInterval,omitempty"` // between checks in the start period
	Retries       int           `json:"retries"`                 // failures in a row that make it unhealthy
	OnFailure     string        `json:"onFailure,omitempty"`     // OnFailureNone, or ""
	// Startup, where it is set, has to succeed Successes times before Test is run at all; after
	// Retries failures (0: without end) the container is restarted.
	Startup *StartupHealth `json:"startup,omitempty"`
	// MaxLogCount and MaxLogSize bound what is kept of results (0 for either is no limit).
	MaxLogCount int `json:"maxLogCount,omitempty"`
	MaxLogSize  int `json:"maxLogSize,omitempty"`
}

// StartupHealth is the check of a container that starts.
type StartupHealth struct {
	Test      []string      `json:"test"`
	Interval  time.Duration `json:"interval"`
	Timeout   time.Duration `json:"timeout"`
	Retries   int           `json:"retries"`
	Successes int           `json:"successes"`
}

// Statuses of a healthcheck.
const (
	HealthStarting = "starting"
	Healthy        = "healthy"
	Unhealthy      = "unhealthy"
	HealthStopped  = "stopped" // the container does not run
)

// HealthState is health.json in the runtime directory, written by the shim.
type HealthState struct {
	Status        string         `json:"status"`
	FailingStreak int            `json:"failingStreak"`
	Log           []HealthResult `json:"log"`
}

// HealthResult is one run of a healthcheck.
type HealthResult struct {
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	ExitCode int       `json:"exitCode"` // -1: the timeout was over
	Output   string    `json:"output"`
}

// Summary is what ps needs of a container: summary.json, small and read without a lock.
type Summary struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Image   string            `json:"image"`
	ImageID string            `json:"imageID"`
	Command []string          `json:"command"`
	Created time.Time         `json:"created"`
	Labels  map[string]string `json:"labels,omitempty"`
	Network string            `json:"network"`
	Remove  bool              `json:"remove,omitempty"`
	Mounts  []string          `json:"mounts,omitempty"`  // destinations
	Volumes []string          `json:"volumes,omitempty"` // names
	// MountedImages are the ids of images that are mounted beside the one it was made from.
	MountedImages []string `json:"mountedImages,omitempty"`
	Restart       string   `json:"restart,omitempty"` // the policy
	Health        bool     `json:"health,omitempty"`  // there is a healthcheck
	Ports         []Port   `json:"ports,omitempty"`
	Expose        []string `json:"expose,omitempty"`
	Rate          string   `json:"rate,omitempty"`     // --network-rate
	Requires      []string `json:"requires,omitempty"` // ids of containers that are started first
}

// State is state.json in the runtime directory, written by the shim when the container
// starts; gone after a reboot. A pid is trusted only together with its start time.
type State struct {
	ShimPID   int       `json:"shimPID"`   // host pid
	ShimStart uint64    `json:"shimStart"` // field 22 of /proc/PID/stat: clock ticks since boot
	PID       int       `json:"pid"`       // host pid of the container's first process; 0 between two lives
	PIDStart  uint64    `json:"pidStart"`
	Started   time.Time `json:"started"` // of this life: with the exit record's it says which life that is of
	// Restarts is how often the restart policy has started it anew.
	Restarts int `json:"restarts,omitempty"`
	// Phase is "" for a container that runs, else initialized or restarting.
	Phase string `json:"phase,omitempty"`
	// Cgroup is the container's cgroup directory, "" without one. Scope is the systemd unit.
	Cgroup string `json:"cgroup,omitempty"`
	Scope  string `json:"scope,omitempty"`
	// MountProgram is native or fuse-overlayfs, whichever mounted the root; "" for --rootfs.
	MountProgram string `json:"mountProgram,omitempty"`
}

// Values of State.Phase.
const (
	Initialized = "initialized" // set up, its command waits for rc start
	Restarting  = "restarting"  // between two lives
)

// Exit is exit.json, written when the container ended.
type Exit struct {
	Code     int       `json:"code"`
	Finished time.Time `json:"finished"`
	Started  time.Time `json:"started"`
	PID      int       `json:"pid,omitempty"`
	// Error is why the container could not start, or was stopped by rc; "" otherwise.
	Error string `json:"error,omitempty"`
	// Stopped says that a user stopped it: unless-stopped heeds that after a reboot.
	Stopped bool `json:"stopped,omitempty"`
	// Restarts is State's.
	Restarts int `json:"restarts,omitempty"`
	// OOMKilled says that the kernel's out-of-memory killer struck in the container's cgroup.
	OOMKilled bool `json:"oomKilled,omitempty"`
}

// Platform is an image's operating system and processor.
type Platform struct{ OS, Arch, Variant string }

// KeepGroups is the --group-add that keeps the caller's own groups.
const KeepGroups = "keep-groups"
