package create

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestUpdate(t *testing.T) {
	const m = int64(1 << 20)
	limited := func() *specs.LinuxResources {
		return &specs.LinuxResources{
			Memory:  &specs.LinuxMemory{Limit: new(64 * m), Swap: new(128 * m)},
			CPU:     &specs.LinuxCPU{Quota: new(int64(50_000)), Period: new(uint64(100_000)), Cpus: "0"},
			Pids:    &specs.LinuxPids{Limit: new(int64(50))},
			Unified: map[string]string{"memory.high": "1"},
		}
	}
	for _, c := range []struct {
		given string
		asked Resources
		want  func(*specs.LinuxResources)
	}{
		{"pids-limit", Resources{PIDsLimit: new(int64(-1))}, func(r *specs.LinuxResources) { r.Pids.Limit = new(int64(-1)) }},
		{"memory", Resources{Memory: 32 * m}, func(r *specs.LinuxResources) { r.Memory.Limit, r.Memory.Swap = new(32*m), new(64*m) }},
		{"memory", Resources{}, func(r *specs.LinuxResources) { r.Memory = nil }},
		{"memory-swap", Resources{MemorySwap: -1}, func(r *specs.LinuxResources) { r.Memory.Swap = new(int64(-1)) }},
		{"memory-reservation", Resources{MemoryReservation: m}, func(r *specs.LinuxResources) { r.Memory.Reservation = new(m) }},
		{"cpus", Resources{CPUs: 150_000}, func(r *specs.LinuxResources) { r.CPU.Quota = new(int64(150_000)) }},
		{"cpus", Resources{}, func(r *specs.LinuxResources) { r.CPU.Quota, r.CPU.Period = nil, nil }},
		{"cpu-quota", Resources{CPUQuota: -1}, func(r *specs.LinuxResources) { r.CPU.Quota = new(int64(-1)) }},
		{"cpu-shares", Resources{CPUShares: 512}, func(r *specs.LinuxResources) { r.CPU.Shares = new(uint64(512)) }},
		{"cpuset-cpus", Resources{CpusetCPUs: "1"}, func(r *specs.LinuxResources) { r.CPU.Cpus = "1" }},
		{"blkio-weight", Resources{BlkioWeight: 20}, func(r *specs.LinuxResources) { r.BlockIO.Weight = new(uint16(20)) }},
	} {
		want := limited()
		want.BlockIO = &specs.LinuxBlockIO{}
		c.want(want)
		got, err := Update(limited(), c.asked, strings.Fields(c.given))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", c.given, err, diff)
		}
	}
	for _, c := range []struct {
		given, want string
		asked       Resources
	}{
		{"memory", "6m or more", Resources{Memory: 1}},
		{"memory-swap", "--memory-swap", Resources{MemorySwap: m}},
		{"memory-reservation", "--memory-reservation", Resources{MemoryReservation: 65 * m}},
		{"cpu-period", "--cpu-period", Resources{CPUPeriod: 1}},
		{"cpus cpu-quota", "--cpu-quota", Resources{CPUs: 10_000, CPUQuota: 5000}},
		{"device-read-bps", "--device-read-bps", Resources{ReadBps: []spec.Throttle{{Path: "/dev/null", Rate: 1}}}},
	} {
		if _, err := Update(limited(), c.asked, strings.Fields(c.given)); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.given, err)
		}
	}
	if got, err := Update(nil, Resources{PIDsLimit: new(int64(5))}, []string{"pids-limit"}); err != nil || *got.Pids.Limit != 5 || got.Memory != nil {
		t.Errorf("%+v %v", got, err)
	}
}

func TestMergeThrottle(t *testing.T) {
	device := func(minor int64, rate uint64) specs.LinuxThrottleDevice {
		d := specs.LinuxThrottleDevice{Rate: rate}
		d.Major, d.Minor = 8, minor
		return d
	}
	list := func(d ...specs.LinuxThrottleDevice) []specs.LinuxThrottleDevice { return d }
	for _, c := range []struct{ was, fresh, want []specs.LinuxThrottleDevice }{
		{nil, list(device(0, 1)), list(device(0, 1))},
		{list(device(0, 1), device(16, 2)), list(device(0, 3)), list(device(16, 2), device(0, 3))},
		{list(device(0, 1), device(16, 2)), list(device(16, 0)), list(device(0, 1))},
	} {
		if diff := cmp.Diff(c.want, mergeThrottle(c.was, c.fresh)); diff != "" {
			t.Error(diff)
		}
	}
}
