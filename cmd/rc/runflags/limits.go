package runflags

import (
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

func (f *Flags) securityOptions(p *Parser, o *create.Options) {
	o.CapAdd = each(p, "cap-add", f.capAdd, spec.ParseCapability)
	o.CapDrop = each(p, "cap-drop", f.capDrop, spec.ParseCapability)
	o.Privileged = f.privileged
	o.SecurityOpt = f.security
	var err error
	o.Security, err = spec.ParseSecurityOpts(f.security)
	p.note("security-opt", err)
	if profile := o.Security.Seccomp; profile != "" && profile != "unconfined" && !filepath.IsAbs(profile) {
		o.Security.Seccomp = filepath.Join(p.cwd, profile)
	}
	o.Sysctls = map[string]string{}
	for _, value := range f.sysctls {
		key, val, err := spec.ParseSysctl(value)
		p.note("sysctl", err)
		if err == nil {
			o.Sysctls[key] = val
		}
	}
}

func (f *Flags) namespaces(p *Parser, o *create.Options) {
	o.Hostname = One(p, "hostname", f.hostname, spec.ParseHostname)
	o.Domainname = One(p, "domainname", f.domainname, spec.ParseHostname)
	o.PID = One(p, "pid", f.pid, spec.ParseNamespace)
	o.IPC = One(p, "ipc", f.ipc, spec.ParseNamespace)
	o.UTS = One(p, "uts", f.uts, spec.ParseNamespace)
	o.CgroupNS = One(p, "cgroupns", f.cgroupns, spec.ParseNamespace)
	var err error
	o.Network, err = spec.ParseNetworks(f.networks)
	p.note("network", err)
	f.net.options(p, &o.Network)
}

func (f *Flags) files(p *Parser, o *create.Options) {
	volume := func(value string) (specs.Mount, error) { return spec.ParseVolume(value, p.cwd) }
	mount := func(value string) (specs.Mount, error) { return spec.ParseMount(value, p.cwd) }
	o.Mounts = each(p, "volume", f.volumes, volume)
	o.Mounts = append(o.Mounts, each(p, "mount", f.mounts, mount)...)
	o.Mounts = append(o.Mounts, each(p, "tmpfs", f.tmpfs, spec.ParseTmpfs)...)
	o.Devices = each(p, "device", f.devices, spec.ParseDevice)
	o.Devices = append(o.Devices, slices.Concat(each(p, "gpus", f.gpus, spec.ParseGPUs)...)...)
	for _, rule := range f.deviceRules {
		p.problems = append(p.problems, errs.Unsupportedf(
			"--device-cgroup-rule %q: only root can load such a rule into the kernel; --device shows a device that you can open yourself", rule))
	}
	o.Secrets = each(p, "secret", f.secrets, spec.ParseSecret)
	o.ImageVolume = One(p, "image-volume", f.imageVolume, choice("bind", "anonymous", "tmpfs", "ignore"))
	o.VolumesFrom = each(p, "volumes-from", f.volumesFrom, spec.ParseVolumesFrom)
	if f.volumeDriver != "" && f.volumeDriver != spec.DriverLocal {
		p.note("volume-driver", errs.Unsupportedf("%q: rc has the driver local only, and no plugins", f.volumeDriver))
	}
	o.ReadOnly, o.ReadOnlyTmpfs = f.readOnly, f.readOnlyTmpfs
	o.ShmSize = One(p, "shm-size", f.shmSize, spec.ParseSize)
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
	o.Rlimits = each(p, "ulimit", ulimits, spec.ParseUlimit)
	o.OOMScoreAdj = Optional(p, "oom-score-adj", f.oomScoreAdj, spec.ParseOOMScoreAdj)
	o.Cgroups = spec.Cgroups{
		Mode:   One(p, "cgroups", f.cgroups, choice("enabled", "disabled", "split", "no-conmon")),
		Parent: f.cgroupParent,
	}
	o.Resources = f.Resources(p)
}

func (f *Flags) Resources(p *Parser) create.Resources {
	return create.Resources{
		Memory:            One(p, "memory", f.memory, spec.ParseSize),
		MemorySwap:        One(p, "memory-swap", f.memorySwap, spec.ParseSwap),
		MemoryReservation: One(p, "memory-reservation", f.memoryReservation, spec.ParseSize),
		CPUs:              One(p, "cpus", f.cpus, spec.ParseCPUs),
		CPUShares:         f.cpuShares,
		CPUPeriod:         f.cpuPeriod,
		CPUQuota:          f.cpuQuota,
		CpusetCPUs:        One(p, "cpuset-cpus", f.cpusetCPUs, spec.ParseSet),
		CpusetMems:        One(p, "cpuset-mems", f.cpusetMems, spec.ParseSet),
		PIDsLimit:         Optional(p, "pids-limit", f.pidsLimit, spec.ParsePIDsLimit),
		BlkioWeight:       One(p, "blkio-weight", f.blkioWeight, spec.ParseBlkioWeight),
		ReadBps:           each(p, "device-read-bps", f.readBps, spec.ParseThrottleBytes),
		WriteBps:          each(p, "device-write-bps", f.writeBps, spec.ParseThrottleBytes),
		ReadIOps:          each(p, "device-read-iops", f.readIOps, spec.ParseThrottleOps),
		WriteIOps:         each(p, "device-write-iops", f.writeIOps, spec.ParseThrottleOps),
	}
}
