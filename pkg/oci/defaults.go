package oci

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// MaskedPaths are hidden in an unprivileged container: they tell about, or change, the
// host. The union of podman 5's and docker 28's lists.
func MaskedPaths() []string {
	return []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
		"/sys/dev/block", "/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux",
	}
}

// ReadonlyPaths can be read in an unprivileged container, not written.
func ReadonlyPaths() []string {
	return []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
}

// MountOptions say what DefaultMounts has to leave to the host.
type MountOptions struct {
	// ShmSize is the size of /dev/shm in bytes; 0 is 64 MiB.
	ShmSize int64
	// IPCHost shows the host's /dev/shm.
	IPCHost bool
	// NoSHM leaves /dev/shm out (--ipc none).
	NoSHM bool
	// Privileged makes /sys and cgroups writable.
	Privileged bool
	// CgroupWritable makes only cgroups writable, as systemd in a container needs it.
	CgroupWritable bool
	// ProcOptions are options for the proc file system (--security-opt proc-opts=).
	ProcOptions []string
}

// DefaultMounts are the mounts that every container has, in the order in which they have
// to be made. Where the network, pid or ipc namespace is the host's, the process finds out that
// sysfs, proc or mqueue cannot be mounted and shows the host's.
func DefaultMounts(opts MountOptions) []specs.Mount {
	shm := opts.ShmSize
	if shm == 0 {
		shm = 64 << 20
	}
	sysMode, cgroupMode := "ro", "ro"
	if opts.Privileged {
		sysMode, cgroupMode = "rw", "rw"
	}
	if opts.CgroupWritable {
		cgroupMode = "rw"
	}
	fs := func(target, kind string, options ...string) specs.Mount {
		return specs.Mount{Destination: target, Type: kind, Source: kind, Options: options}
	}
	mounts := []specs.Mount{
		fs("/proc", "proc", append([]string{"nosuid", "noexec", "nodev"}, opts.ProcOptions...)...),
		fs("/dev", "tmpfs", "nosuid", "noexec", "strictatime", "mode=755", "size=65536k"),
		fs("/sys", "sysfs", "nosuid", "noexec", "nodev", sysMode),
		fs("/sys/fs/cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", cgroupMode),
		fs("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
	}
	mounts = append(mounts, fs("/dev/mqueue", "mqueue", "nosuid", "noexec", "nodev"))
	switch {
	case opts.NoSHM:
		return mounts
	case opts.IPCHost:
		return append(mounts, specs.Mount{
			Destination: "/dev/shm", Type: "bind", Source: "/dev/shm", Options: []string{"rbind", "nosuid", "noexec", "nodev"},
		})
	}
	size := "size=" + strconv.FormatInt(shm, 10)
	return append(mounts, specs.Mount{
		Destination: "/dev/shm", Type: "tmpfs", Source: "shm",
		Options: []string{"nosuid", "noexec", "nodev", "mode=1777", size},
	})
}

// DefaultDevices are the nodes that Init puts into /dev unasked.
func DefaultDevices() []string {
	return []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}
}
