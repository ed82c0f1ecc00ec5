package runflags

import (
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
	"github.com/rc-containers/rc/pkg/spec/parse/mount"
)

func (f *Flags) securityOptions(p *Parser, o *create.Options) {
	o.CapAdd = each(p, "cap-add", f.capAdd, parse.Capability)
	o.CapDrop = each(p, "cap-drop", f.capDrop, parse.Capability)
	o.Privileged = f.privileged
	o.SecurityOpt = f.security
	var err error
	o.Security, err = parse.SecurityOpts(f.security)
	p.note("security-opt", err)
	if profile := o.Security.Seccomp; profile != "" && profile != "unconfined" && !filepath.IsAbs(profile) {
		o.Security.Seccomp = filepath.Join(p.cwd, profile)
	}
	o.Personality = specs.LinuxPersonalityDomain(One(p, "personality", f.personality, choice(string(specs.PerLinux), string(specs.PerLinux32))))
	o.Sysctls = map[string]string{}
	for _, value := range f.sysctls {
		key, val, err := parse.Sysctl(value)
		p.note("sysctl", err)
		if err == nil {
			o.Sysctls[key] = val
		}
	}
}

func (f *Flags) namespaces(p *Parser, o *create.Options) {
	o.Hostname = One(p, "hostname", f.hostname, parse.Hostname)
	o.Domainname = One(p, "domainname", f.domainname, parse.Hostname)
	o.PID = One(p, "pid", f.pid, parse.Namespace)
	o.IPC = One(p, "ipc", f.ipc, parse.IPC)
	o.UTS = One(p, "uts", f.uts, parse.Namespace)
	o.CgroupNS = One(p, "cgroupns", f.cgroupns, parse.Namespace)
	var err error
	o.Network, err = parse.Networks(f.networks)
	p.note("network", err)
	f.net.options(p, &o.Network)
}

func (f *Flags) files(p *Parser, o *create.Options) {
	volume := func(value string) (specs.Mount, error) { return mount.Volume(value, p.cwd) }
	long := func(value string) (specs.Mount, error) { return mount.Parse(value, p.cwd) }
	o.Mounts = each(p, "volume", f.volumes, volume)
	o.Mounts = append(o.Mounts, each(p, "mount", f.mounts, long)...)
	o.Mounts = append(o.Mounts, each(p, "tmpfs", f.tmpfs, mount.Tmpfs)...)
	o.Devices = each(p, "device", f.devices, parse.Device)
	o.Devices = append(o.Devices, slices.Concat(each(p, "gpus", f.gpus, parse.GPUs)...)...)
	for _, rule := range f.deviceRules {
		p.problems = append(p.problems, errs.Unsupportedf(
			"--device-cgroup-rule %q: only root can load such a rule into the kernel; --device shows a device that you can open yourself", rule))
	}
	o.Secrets = each(p, "secret", f.secrets, parse.Secret)
	o.ImageVolume = One(p, "image-volume", f.imageVolume, choice("bind", "anonymous", "tmpfs", "ignore"))
	o.VolumesFrom = each(p, "volumes-from", f.volumesFrom, mount.VolumesFrom)
	if f.volumeDriver != "" && f.volumeDriver != spec.DriverLocal {
		p.note("volume-driver", errs.Unsupportedf("%q: rc has the driver local only, and no plugins", f.volumeDriver))
	}
	o.ReadOnly, o.ReadOnlyTmpfs = f.readOnly, f.readOnlyTmpfs
	for _, dir := range f.chrootDirs {
		if !filepath.IsAbs(dir) || filepath.Clean(dir) == "/" {
			p.note("chrootdirs", parse.Invalid(dir, "want the absolute path of a directory in the container"))
			continue
		}
		o.ChrootDirs = append(o.ChrootDirs, filepath.Clean(dir))
	}
	o.ShmSizeSystemd = Optional(p, "shm-size-systemd", f.shmSystemd, parse.Size)
	o.ShmSize = One(p, "shm-size", f.shmSize, parse.Size)
}

func (f *Flags) limits(p *Parser, o *create.Options) {
	var ulimits []string
	for _, value := range f.ulimits {
		if value == "host" {
			o.RlimitsHost = true
			continue
		}
		ulimits = append(ulimits, value)
	}
	o.Rlimits = each(p, "ulimit", ulimits, parse.Ulimit)
	o.OOMScoreAdj = Optional(p, "oom-score-adj", f.oomScoreAdj, parse.OOMScoreAdj)
	o.Cgroups = spec.Cgroups{
		Mode:   One(p, "cgroups", f.cgroups, choice("enabled", "disabled", "split", "no-conmon")),
		Parent: f.cgroupParent,
	}
	o.Resources = f.Resources(p)
	for _, value := range f.cgroupConf {
		key, val, ok := strings.Cut(value, "=")
		if !ok || key == "" || val == "" {
			p.note("cgroup-conf", parse.Invalid(value, "want FILE=VALUE such as memory.high=1073741824"))
			continue
		}
		if o.Resources.Unified == nil {
			o.Resources.Unified = map[string]string{}
		}
		o.Resources.Unified[key] = val
	}
}

func (f *Flags) Resources(p *Parser) create.Resources {
	return create.Resources{
		Memory:            One(p, "memory", f.memory, parse.Size),
		MemorySwap:        One(p, "memory-swap", f.memorySwap, parse.Swap),
		MemoryReservation: One(p, "memory-reservation", f.memoryReservation, parse.Size),
		CPUs:              One(p, "cpus", f.cpus, parse.CPUs),
		CPUShares:         f.cpuShares,
		CPUPeriod:         f.cpuPeriod,
		CPUQuota:          f.cpuQuota,
		CpusetCPUs:        One(p, "cpuset-cpus", f.cpusetCPUs, parse.Set),
		CpusetMems:        One(p, "cpuset-mems", f.cpusetMems, parse.Set),
		PIDsLimit:         Optional(p, "pids-limit", f.pidsLimit, parse.PIDsLimit),
		BlkioWeightDevice: each(p, "blkio-weight-device", f.weightDevice, parse.WeightDevice),
		BlkioWeight:       One(p, "blkio-weight", f.blkioWeight, parse.BlkioWeight),
		ReadBps:           each(p, "device-read-bps", f.readBps, parse.ThrottleBytes),
		WriteBps:          each(p, "device-write-bps", f.writeBps, parse.ThrottleBytes),
		ReadIOps:          each(p, "device-read-iops", f.readIOps, parse.ThrottleOps),
		WriteIOps:         each(p, "device-write-iops", f.writeIOps, parse.ThrottleOps),
	}
}
