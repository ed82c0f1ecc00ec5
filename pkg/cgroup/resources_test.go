package cgroup

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
)

// lines shows files one a line: "name=value", with "?" for optional and "|" for one of several.
func lines(files []File) []string {
	var out []string
	for _, f := range files {
		line := f.Name + "=" + f.Value
		if f.Optional {
			line += " ?"
		}
		if f.Either != "" {
			line += " |"
		}
		out = append(out, line)
	}
	return out
}

func throttle(major, minor int64, rate uint64) []specs.LinuxThrottleDevice {
	d := specs.LinuxThrottleDevice{Rate: rate}
	d.Major, d.Minor = major, minor
	return []specs.LinuxThrottleDevice{d}
}

func weightDevice(major, minor int64, weight uint16) []specs.LinuxWeightDevice {
	d := specs.LinuxWeightDevice{Weight: &weight}
	d.Major, d.Minor = major, minor
	return []specs.LinuxWeightDevice{d}
}

func TestFiles(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   *specs.LinuxResources
		want []string
	}{
		{"nothing", nil, nil},
		{"empty", &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}}, nil},
		{
			"memory allows as much swap", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(64 << 20))}},
			[]string{"memory.max=67108864", "memory.swap.max=67108864 ?"},
		},
		{
			"the default spelled out", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(100)), Swap: new(int64(200))}},
			[]string{"memory.max=100", "memory.swap.max=100 ?"},
		},
		{
			"swap is the total", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(100)), Swap: new(int64(150))}},
			[]string{"memory.max=100", "memory.swap.max=50"},
		},
		{
			"no swap", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(100)), Swap: new(int64(100))}},
			[]string{"memory.max=100", "memory.swap.max=0"},
		},
		{
			"swap without limit", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(100)), Swap: new(int64(-1))}},
			[]string{"memory.max=100"},
		},
		{
			"all of memory unlimited",
			&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(-1)), Swap: new(int64(-1)), Reservation: new(int64(0))}}, nil,
		},
		{"reservation", &specs.LinuxResources{Memory: &specs.LinuxMemory{Reservation: new(int64(7))}}, []string{"memory.low=7"}},
		{
			"cpus", &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: new(int64(150000)), Period: new(uint64(100000))}},
			[]string{"cpu.max=150000 100000"},
		},
		{"quota alone", &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: new(int64(5000))}}, []string{"cpu.max=5000 100000"}},
		{"period alone", &specs.LinuxResources{CPU: &specs.LinuxCPU{Period: new(uint64(5000))}}, []string{"cpu.max=max 5000"}},
		{"no quota", &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: new(int64(-1)), Period: new(uint64(100000))}}, nil},
		{
			"shares, idle, burst",
			&specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: new(uint64(1024)), Idle: new(int64(1)), Burst: new(uint64(10))}},
			[]string{"cpu.weight=100", "cpu.idle=1", "cpu.max.burst=10"},
		},
		{"shares not set", &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: new(uint64(0))}}, nil},
		{
			"cpusets", &specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "0-1,3", Mems: "0"}},
			[]string{"cpuset.cpus=0-1,3", "cpuset.mems=0"},
		},
		{"pids", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(5))}}, []string{"pids.max=5"}},
		{"pids 0", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(0))}}, nil},
		{"pids -1", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(-1))}}, nil},
		{
			"block weight", &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: new(uint16(500)), WeightDevice: weightDevice(8, 16, 10)}},
			[]string{"io.bfq.weight=500 |", "io.weight=4950 |", "io.bfq.weight=8:16 10 |", "io.weight=8:16 1 |"},
		},
		{
			"throttles", &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{
				ThrottleReadBpsDevice: throttle(8, 0, 1000), ThrottleWriteBpsDevice: throttle(8, 0, 2000),
				ThrottleReadIOPSDevice: throttle(253, 1, 3), ThrottleWriteIOPSDevice: throttle(8, 0, 0),
			}},
			[]string{"io.max=8:0 rbps=1000", "io.max=8:0 wbps=2000", "io.max=253:1 riops=3", "io.max=8:0 wiops=max"},
		},
		{
			"others", &specs.LinuxResources{
				HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 0}},
				Rdma:           map[string]specs.LinuxRdma{"mlx5": {HcaHandles: new(uint32(2))}},
			},
			[]string{"hugetlb.2MB.max=0", "rdma.max=mlx5 hca_handle=2"},
		},
		{
			"unified replaces", &specs.LinuxResources{
				Pids: &specs.LinuxPids{Limit: new(int64(5))},
				Unified: map[string]string{
					"pids.max": "7", "io.max": "8:0 rbps=1\n8:16 rbps=2\n", "cgroup.max.depth": "1",
				},
			},
			[]string{"cgroup.max.depth=1", "io.max=8:0 rbps=1", "io.max=8:16 rbps=2", "pids.max=7"},
		},
	} {
		got, err := Files(tc.in)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if diff := cmp.Diff(tc.want, lines(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestFilesRefuses(t *testing.T) {
	for _, tc := range []struct {
		in   specs.LinuxResources
		is   error
		want string // what the message starts with
	}{
		{specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(-2))}}, errs.ErrInvalid, "--memory -2: want a size"},
		{specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: new(int64(5))}}, errs.ErrInvalid, "--memory-swap 5: want --memory with it"},
		{
			specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(9)), Swap: new(int64(5))}},
			errs.ErrInvalid, "--memory-swap 5: want at least --memory 9",
		},
		{
			specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(9)), Reservation: new(int64(10))}},
			errs.ErrInvalid, "--memory-reservation 10: want at most --memory 9",
		},
		{specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: new(uint64(1))}}, errs.ErrUnsupported, "--memory-swappiness:"},
		{specs.LinuxResources{Memory: &specs.LinuxMemory{DisableOOMKiller: new(true)}}, errs.ErrUnsupported, "--oom-kill-disable:"},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{RealtimeRuntime: new(int64(1))}}, errs.ErrUnsupported, "--cpu-rt-runtime"},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: new(int64(999))}}, errs.ErrInvalid, "--cpu-quota 999: want at least 1000 microseconds (--cpus 0.01)"},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Period: new(uint64(999))}}, errs.ErrInvalid, "--cpu-period 999: want 1000 to 1000000"},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Period: new(uint64(1000001))}}, errs.ErrInvalid, "--cpu-period 1000001:"},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "0-"}}, errs.ErrInvalid, `--cpuset-cpus: list "0-"`},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Mems: "x"}}, errs.ErrInvalid, `--cpuset-mems: list "x"`},
		{specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: new(uint16(9))}}, errs.ErrInvalid, "--blkio-weight 9: want 10 to 1000"},
		{specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{WeightDevice: weightDevice(8, 0, 1001)}}, errs.ErrInvalid, "--blkio-weight-device 8:0 1001:"},
		{specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{LeafWeight: new(uint16(9))}}, errs.ErrUnsupported, "blockIO.leafWeight"},
		{specs.LinuxResources{Network: &specs.LinuxNetwork{ClassID: new(uint32(1))}}, errs.ErrUnsupported, "network.classID"},
		{specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "../x"}}}, errs.ErrInvalid, "hugepageLimits.pageSize"},
		{specs.LinuxResources{Unified: map[string]string{"cgroup.procs": "1"}}, errs.ErrInvalid, `--cgroup-conf "cgroup.procs"`},
		{specs.LinuxResources{Unified: map[string]string{"../memory.max": "1"}}, errs.ErrInvalid, `--cgroup-conf "../memory.max"`},
		{specs.LinuxResources{Unified: map[string]string{"memory": "1"}}, errs.ErrInvalid, `--cgroup-conf "memory"`},
		{specs.LinuxResources{Unified: map[string]string{".x": "1"}}, errs.ErrInvalid, `--cgroup-conf ".x"`},
	} {
		files, err := Files(&tc.in)
		if !errors.Is(err, tc.is) || files != nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("got %v, %v; want %q…", files, err, tc.want)
		}
	}
}

func TestWeightConversion(t *testing.T) {
	for shares, want := range map[uint64]uint64{
		1: 1, 2: 1, 10: 4, 512: 59, 1024: 100, 2048: 174, 102400: 4429, 262144: 10000, 1 << 40: 10000,
	} {
		if got := cpuWeight(shares); got != want {
			t.Errorf("cpuWeight(%d) = %d, want %d", shares, got, want)
		}
	}
	for weight, want := range map[uint16]uint64{10: 1, 100: 910, 500: 4950, 1000: 10000} {
		if got := ioWeight(weight); got != want {
			t.Errorf("ioWeight(%d) = %d, want %d", weight, got, want)
		}
	}
}
