package create

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// resources are the limits that were asked for. OCI.Linux.Resources stays nil without
// one, so that a machine without delegated controllers is none of the user's concern then.
func (d *draft) resources() error {
	asked := d.opts.Resources
	if asked.PIDsLimit == nil {
		if limit := d.env.Config.Containers.PIDsLimit; limit != nil && *limit > 0 && d.c.Cgroups.Mode != "disabled" {
			asked.PIDsLimit = limit
			d.c.Cgroups.DefaultPIDs = true
		}
	}
	r := &specs.LinuxResources{}
	var err error
	if r.Memory, err = memory(asked); err != nil {
		return err
	}
	if r.CPU, err = cpu(asked); err != nil {
		return err
	}
	if asked.PIDsLimit != nil {
		r.Pids = &specs.LinuxPids{Limit: asked.PIDsLimit}
	}
	if r.BlockIO, err = blockIO(asked, d.env.DeviceNumber); err != nil {
		return err
	}
	r.Unified = asked.Unified
	if r.Memory == nil && r.CPU == nil && r.Pids == nil && r.BlockIO == nil && len(r.Unified) == 0 {
		return nil
	}
	if _, err := cgroup.Files(r); err != nil {
		return err
	}
	if d.c.Cgroups.Mode == "disabled" {
		return errs.WithHint(errs.Invalidf("--cgroups disabled: limits need a cgroup"),
			"leave out --cgroups disabled, or the limits")
	}
	d.c.OCI.Linux.Resources = r
	return nil
}

// minMemory is docker's, in bytes: below it the kernel kills the first process as it starts.
const minMemory = 6 << 20

// memory follows docker: the limit of memory and swap together is twice that of memory
// where it is not given.
func memory(asked Resources) (*specs.LinuxMemory, error) {
	limit, swap, reservation := asked.Memory, asked.MemorySwap, asked.MemoryReservation
	switch {
	case swap != 0 && limit == 0:
		return nil, errs.Invalidf("--memory-swap: it includes the memory, so it needs --memory")
	case limit > 0 && limit < minMemory:
		return nil, errs.Invalidf("--memory %d: want 6m or more, less is not enough to start a container", limit)
	case swap > 0 && swap < limit:
		return nil, errs.Invalidf("--memory-swap %d: it includes the memory, so it cannot be less than --memory (%d)", swap, limit)
	case reservation > 0 && limit > 0 && reservation > limit:
		return nil, errs.Invalidf("--memory-reservation %d: it cannot be more than --memory (%d)", reservation, limit)
	case limit == 0 && reservation == 0:
		return nil, nil //nolint:nilnil // no limit is no error
	}
	m := &specs.LinuxMemory{}
	if limit > 0 {
		m.Limit = &limit
		if swap == 0 {
			swap = 2 * limit
		}
		m.Swap = &swap
	}
	if reservation > 0 {
		m.Reservation = &reservation
	}
	return m, nil
}

func cpu(asked Resources) (*specs.LinuxCPU, error) {
	quota, period := asked.CPUQuota, asked.CPUPeriod
	if asked.CPUs > 0 {
		if quota != 0 || period != 0 {
			return nil, errs.Invalidf("--cpus: --cpu-quota and --cpu-period say the same thing")
		}
		quota, period = asked.CPUs, spec.CPUPeriod
	}
	// The kernel's bounds, Documentation/scheduler/sched-bwc.rst.
	if period != 0 && (period < 1000 || period > 1000000) {
		return nil, errs.Invalidf("--cpu-period %d: want 1000 to 1000000 microseconds", period)
	}
	if quota != 0 && quota < 1000 && quota != -1 {
		return nil, errs.Invalidf("--cpu-quota %d: want 1000 microseconds or more, or -1 for no limit", quota)
	}
	if asked.CPUShares == 1 || asked.CPUShares > 262144 {
		return nil, errs.Invalidf("--cpu-shares %d: want 2 to 262144", asked.CPUShares)
	}
	if quota == 0 && period == 0 && asked.CPUShares == 0 && asked.CpusetCPUs == "" && asked.CpusetMems == "" {
		return nil, nil //nolint:nilnil // no limit is no error
	}
	c := &specs.LinuxCPU{Cpus: asked.CpusetCPUs, Mems: asked.CpusetMems}
	if quota != 0 {
		c.Quota = &quota
	}
	if period != 0 {
		c.Period = &period
	}
	if asked.CPUShares != 0 {
		c.Shares = &asked.CPUShares
	}
	return c, nil
}

// DeviceNumber gives the major and minor number of a block device.
type DeviceNumber func(path string) (major, minor int64, err error)

// blockIO turns paths of devices into their numbers.
func blockIO(asked Resources, number DeviceNumber) (*specs.LinuxBlockIO, error) {
	io := &specs.LinuxBlockIO{}
	if asked.BlkioWeight != 0 {
		io.Weight = &asked.BlkioWeight
	}
	var problems []error
	for _, w := range asked.BlkioWeightDevice {
		major, minor, err := number(w.Path)
		if err != nil {
			problems = append(problems, fmt.Errorf("--blkio-weight-device %q: %w", w.Path, err))
			continue
		}
		device := specs.LinuxWeightDevice{Weight: &w.Weight}
		device.Major, device.Minor = major, minor
		io.WeightDevice = append(io.WeightDevice, device)
	}
	throttle := func(flag string, list []spec.Throttle) (out []specs.LinuxThrottleDevice) {
		for _, t := range list {
			major, minor, err := number(t.Path)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s %q: %w", flag, t.Path, err))
				continue
			}
			device := specs.LinuxThrottleDevice{Rate: t.Rate}
			device.Major, device.Minor = major, minor
			out = append(out, device)
		}
		return out
	}
	io.ThrottleReadBpsDevice = throttle("--device-read-bps", asked.ReadBps)
	io.ThrottleWriteBpsDevice = throttle("--device-write-bps", asked.WriteBps)
	io.ThrottleReadIOPSDevice = throttle("--device-read-iops", asked.ReadIOps)
	io.ThrottleWriteIOPSDevice = throttle("--device-write-iops", asked.WriteIOps)
	if len(asked.BlkioWeightDevice)+len(asked.ReadBps)+len(asked.WriteBps)+len(asked.ReadIOps)+len(asked.WriteIOps) == 0 && io.Weight == nil {
		return nil, nil //nolint:nilnil // no limit is no error
	}
	return io, errors.Join(problems...)
}
