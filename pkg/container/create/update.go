package create

import (
	"errors"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// Update are the limits of a container after rc update: current, which may be nil, with what
// was asked for. given names the flags that were given, without dashes; of Resources only
// their fields count. Devices that no flag names keep their limits; a rate of 0 takes one off.
func Update(current *specs.LinuxResources, asked Resources, given []string) (*specs.LinuxResources, error) {
	next := &specs.LinuxResources{}
	if current != nil {
		*next = *current
	}
	merged := merge(current, asked, given)
	var memErr, cpuErr, ioErr error
	next.Memory, memErr = memory(merged)
	next.CPU, cpuErr = cpu(merged)
	var fresh *specs.LinuxBlockIO
	fresh, ioErr = blockIO(merged, deviceNumber)
	if err := errors.Join(memErr, cpuErr, ioErr); err != nil {
		return nil, err
	}
	next.Pids = nil
	if merged.PIDsLimit != nil {
		next.Pids = &specs.LinuxPids{Limit: merged.PIDsLimit}
	}
	next.BlockIO = mergeIO(next.BlockIO, fresh, slices.Contains(given, "blkio-weight"))
	return next, nil
}

// merge takes what was given, and the rest from what is.
func merge(current *specs.LinuxResources, asked Resources, given []string) Resources {
	m := asked
	was := fromSpec(current)
	has := func(flag string) bool { return slices.Contains(given, flag) }
	keep(&m.Memory, was.Memory, has("memory"))
	keep(&m.MemorySwap, was.MemorySwap, has("memory-swap"))
	keep(&m.MemoryReservation, was.MemoryReservation, has("memory-reservation"))
	keep(&m.CPUShares, was.CPUShares, has("cpu-shares"))
	// --cpus says both.
	keep(&m.CPUQuota, was.CPUQuota, has("cpu-quota") || has("cpus"))
	keep(&m.CPUPeriod, was.CPUPeriod, has("cpu-period") || has("cpus"))
	keep(&m.CpusetCPUs, was.CpusetCPUs, has("cpuset-cpus"))
	keep(&m.CpusetMems, was.CpusetMems, has("cpuset-mems"))
	keep(&m.PIDsLimit, was.PIDsLimit, has("pids-limit"))
	return m
}

func keep[T any](to *T, was T, given bool) {
	if !given {
		*to = was
	}
}

// fromSpec is what must have been asked for to get r.
func fromSpec(r *specs.LinuxResources) Resources {
	var was Resources
	if r == nil {
		return was
	}
	if m := r.Memory; m != nil {
		was.Memory, was.MemoryReservation = deref(m.Limit), deref(m.Reservation)
		// Twice the memory is the default, which follows the memory.
		if swap := deref(m.Swap); swap != 2*was.Memory {
			was.MemorySwap = swap
		}
	}
	if c := r.CPU; c != nil {
		was.CPUQuota, was.CPUPeriod, was.CPUShares = deref(c.Quota), deref(c.Period), deref(c.Shares)
		was.CpusetCPUs, was.CpusetMems = c.Cpus, c.Mems
	}
	if r.Pids != nil {
		was.PIDsLimit = r.Pids.Limit
	}
	return was
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// mergeIO puts new limits of block devices among those that there are.
func mergeIO(was, fresh *specs.LinuxBlockIO, weight bool) *specs.LinuxBlockIO {
	next := &specs.LinuxBlockIO{}
	if was != nil {
		*next = *was
	}
	if fresh == nil {
		fresh = &specs.LinuxBlockIO{}
	}
	if weight {
		next.Weight = fresh.Weight
	}
	for _, d := range fresh.WeightDevice {
		next.WeightDevice = slices.DeleteFunc(slices.Clone(next.WeightDevice), func(old specs.LinuxWeightDevice) bool {
			return old.Major == d.Major && old.Minor == d.Minor
		})
		next.WeightDevice = append(next.WeightDevice, d)
	}
	next.ThrottleReadBpsDevice = mergeThrottle(next.ThrottleReadBpsDevice, fresh.ThrottleReadBpsDevice)
	next.ThrottleWriteBpsDevice = mergeThrottle(next.ThrottleWriteBpsDevice, fresh.ThrottleWriteBpsDevice)
	next.ThrottleReadIOPSDevice = mergeThrottle(next.ThrottleReadIOPSDevice, fresh.ThrottleReadIOPSDevice)
	next.ThrottleWriteIOPSDevice = mergeThrottle(next.ThrottleWriteIOPSDevice, fresh.ThrottleWriteIOPSDevice)
	return next
}

func mergeThrottle(was, fresh []specs.LinuxThrottleDevice) []specs.LinuxThrottleDevice {
	next := slices.Clone(was)
	for _, d := range fresh {
		next = slices.DeleteFunc(next, func(old specs.LinuxThrottleDevice) bool { return old.Major == d.Major && old.Minor == d.Minor })
		if d.Rate != 0 {
			next = append(next, d)
		}
	}
	return next
}

// CheckRestart refuses policies that bring back what is to be removed. on-failure may be given
// with --rm, as to podman: the container is removed after its last life.
func CheckRestart(r spec.Restart, remove bool) error {
	if remove && (r.Policy == spec.RestartAlways || r.Policy == spec.RestartUnlessStopped) {
		return errs.Invalidf("--restart %s: with --rm the container is removed when it ends; leave out one of the two", r.Policy)
	}
	return nil
}
