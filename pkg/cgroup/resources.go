package cgroup

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// File is one write to a file of a cgroup's directory. One name can stand in several (io.max
// takes a device at a time).
type File struct {
	Name  string
	Value string
	// Flags are the options that asked for it, for messages.
	Flags string
	// Optional: a kernel without this file sets nothing, and that is no error.
	Optional bool
	// Either: of the files with the same non-empty Either one must exist at least.
	Either string
}

// Controller is the controller that has the file, "" for the core's own (cgroup.max.depth).
func (f File) Controller() string {
	name, _, _ := strings.Cut(f.Name, ".")
	if name == "cgroup" {
		return ""
	}
	return name
}

// Limits of what the kernel takes: kernel/sched/core.c (tg_set_cfs_bandwidth) and cgroup-v2.rst.
const (
	minCPUPeriod = 1000      // µs
	maxCPUPeriod = 1_000_000 // µs
	minCPUQuota  = 1000      // µs
	stdCPUPeriod = 100_000   // µs, the kernel's default
	minBlkio     = 10
	maxBlkio     = 1000
)

// Files says what to write for the resources; nil resources need nothing. Device rules are left
// out: they take a BPF program, for which a user namespace has no privilege, and what a user may
// open is ruled by the device nodes' own permissions. The error is errs.ErrInvalid for a value
// that cannot be meant, errs.ErrUnsupported for what version 2 has no file for.
func Files(r *specs.LinuxResources) ([]File, error) {
	if r == nil {
		return nil, nil
	}
	var files []File
	for _, part := range []func(*specs.LinuxResources) ([]File, error){
		memoryFiles, cpuFiles, cpusetFiles, pidsFiles, ioFiles, otherFiles,
	} {
		more, err := part(r)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	return unified(files, r.Unified)
}

func invalid(flag string, value any, want string) error {
	return errs.Invalidf("%s %v: %s", flag, value, want)
}

func unsupported(what string) error {
	return errs.Unsupportedf("%s: cgroup v2 has no such limit", what)
}

func positive(n *int64) bool { return n != nil && *n > 0 }

func memoryFiles(r *specs.LinuxResources) ([]File, error) {
	m := r.Memory
	switch {
	case m == nil:
		return nil, nil
	case m.Swappiness != nil:
		return nil, unsupported("--memory-swappiness")
	case m.DisableOOMKiller != nil && *m.DisableOOMKiller:
		return nil, unsupported("--oom-kill-disable")
	}
	for _, size := range []struct {
		flag string
		n    *int64
	}{{"--memory", m.Limit}, {"--memory-reservation", m.Reservation}, {"--memory-swap", m.Swap}} {
		if size.n != nil && *size.n < -1 {
			return nil, invalid(size.flag, *size.n, "want a size, or -1 for no limit")
		}
	}
	var files []File
	if positive(m.Limit) {
		files = append(files, File{Name: "memory.max", Value: itoa(*m.Limit), Flags: "--memory"})
	}
	swap, err := swapFile(m)
	if err != nil {
		return nil, err
	}
	files = append(files, swap...)
	if positive(m.Reservation) {
		if positive(m.Limit) && *m.Reservation > *m.Limit {
			return nil, invalid("--memory-reservation", *m.Reservation, "want at most --memory "+itoa(*m.Limit))
		}
		files = append(files, File{Name: "memory.low", Value: itoa(*m.Reservation), Flags: "--memory-reservation"})
	}
	return files, nil
}

// swapFile turns version 1's total of memory and swap into version 2's swap alone. A memory limit
// by itself allows as much swap again, as docker and podman have it.
func swapFile(m *specs.LinuxMemory) ([]File, error) {
	asked := m.Swap != nil && *m.Swap != 0
	switch {
	case asked && *m.Swap == -1:
		return nil, nil // a new cgroup has no limit
	case asked && !positive(m.Limit):
		return nil, invalid("--memory-swap", *m.Swap, "want --memory with it, of which it is the total with swap")
	case asked && *m.Swap < *m.Limit:
		return nil, invalid("--memory-swap", *m.Swap, "want at least --memory "+itoa(*m.Limit)+", it is the total of memory and swap")
	case asked && *m.Swap != 2**m.Limit:
		return []File{{Name: "memory.swap.max", Value: itoa(*m.Swap - *m.Limit), Flags: "--memory-swap"}}, nil
	case positive(m.Limit):
		// The default. Without swap in the kernel the file is absent, and so is what it would limit.
		return []File{{Name: "memory.swap.max", Value: itoa(*m.Limit), Flags: "--memory", Optional: true}}, nil
	}
	return nil, nil
}

func cpuFiles(r *specs.LinuxResources) ([]File, error) {
	c := r.CPU
	if c == nil {
		return nil, nil
	}
	if c.RealtimeRuntime != nil && *c.RealtimeRuntime != 0 || c.RealtimePeriod != nil && *c.RealtimePeriod != 0 {
		return nil, unsupported("--cpu-rt-runtime, --cpu-rt-period")
	}
	var files []File
	if c.Shares != nil && *c.Shares != 0 {
		files = append(files, File{Name: "cpu.weight", Value: utoa(cpuWeight(*c.Shares)), Flags: "--cpu-shares"})
	}
	if c.Idle != nil {
		files = append(files, File{Name: "cpu.idle", Value: itoa(*c.Idle), Flags: "cpu.idle"})
	}
	period := uint64(stdCPUPeriod)
	if c.Period != nil && *c.Period != 0 {
		period = *c.Period
		if period < minCPUPeriod || period > maxCPUPeriod {
			return nil, invalid("--cpu-period", period, fmt.Sprintf("want %d to %d microseconds", minCPUPeriod, maxCPUPeriod))
		}
	}
	// Zero and less is no quota; a period without a quota still is what a program can read.
	quota := "max"
	if positive(c.Quota) {
		if *c.Quota < minCPUQuota {
			return nil, invalid("--cpu-quota", *c.Quota,
				fmt.Sprintf("want at least %d microseconds (--cpus %g)", minCPUQuota, float64(minCPUQuota)/float64(period)))
		}
		quota = itoa(*c.Quota)
	}
	if quota != "max" || period != stdCPUPeriod {
		files = append(files, File{Name: "cpu.max", Value: quota + " " + utoa(period), Flags: "--cpus (--cpu-quota, --cpu-period)"})
	}
	if c.Burst != nil && *c.Burst != 0 {
		files = append(files, File{Name: "cpu.max.burst", Value: utoa(*c.Burst), Flags: "cpu.burst"})
	}
	return files, nil
}

func cpusetFiles(r *specs.LinuxResources) ([]File, error) {
	if r.CPU == nil {
		return nil, nil
	}
	var files []File
	for _, f := range []File{
		{Name: "cpuset.cpus", Value: r.CPU.Cpus, Flags: "--cpuset-cpus"},
		{Name: "cpuset.mems", Value: r.CPU.Mems, Flags: "--cpuset-mems"},
	} {
		if f.Value == "" {
			continue
		}
		if _, err := linux.ParseCPUList(f.Value); err != nil {
			return nil, errs.Invalidf("%s: %w: want a list like 0-3,5", f.Flags, err)
		}
		files = append(files, f)
	}
	return files, nil
}

// pidsFiles: zero and less is no limit, which is what a new cgroup has.
func pidsFiles(r *specs.LinuxResources) ([]File, error) {
	if r.Pids == nil || !positive(r.Pids.Limit) {
		return nil, nil
	}
	return []File{{Name: "pids.max", Value: itoa(*r.Pids.Limit), Flags: "--pids-limit"}}, nil
}

func otherFiles(r *specs.LinuxResources) ([]File, error) {
	if n := r.Network; n != nil && (n.ClassID != nil || len(n.Priorities) > 0) {
		return nil, unsupported("network.classID, network.priorities")
	}
	var files []File
	for _, h := range r.HugepageLimits {
		if h.Pagesize == "" || strings.ContainsAny(h.Pagesize, "/. \n") {
			return nil, invalid("hugepageLimits.pageSize", strconv.Quote(h.Pagesize), "want a size like 2MB")
		}
		files = append(files, File{Name: "hugetlb." + h.Pagesize + ".max", Value: utoa(h.Limit), Flags: "hugepageLimits"})
	}
	for _, dev := range slices.Sorted(maps.Keys(r.Rdma)) {
		value := dev
		if n := r.Rdma[dev].HcaHandles; n != nil {
			value += " hca_handle=" + utoa(uint64(*n))
		}
		if n := r.Rdma[dev].HcaObjects; n != nil {
			value += " hca_object=" + utoa(uint64(*n))
		}
		files = append(files, File{Name: "rdma.max", Value: value, Flags: "rdma"})
	}
	return files, nil
}

// unified adds files given by name (--cgroup-conf, the runtime-spec's unified map); they take the
// place of computed ones. What moves processes or hands out controllers is not a limit.
func unified(files []File, extra map[string]string) ([]File, error) {
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		controller, rest, _ := strings.Cut(name, ".")
		allowed := name == "cgroup.max.depth" || name == "cgroup.max.descendants" || controller != "cgroup"
		if controller == "" || rest == "" || !allowed || strings.ContainsAny(name, "/ \n\x00") {
			return nil, invalid("--cgroup-conf", strconv.Quote(name), "want a controller's file, like memory.high")
		}
		files = slices.DeleteFunc(files, func(f File) bool { return f.Name == name })
		for line := range strings.SplitSeq(strings.TrimSpace(extra[name]), "\n") {
			files = append(files, File{Name: name, Value: line, Flags: "--cgroup-conf " + name})
		}
	}
	return files, nil
}

func itoa(n int64) string  { return strconv.FormatInt(n, 10) }
func utoa(n uint64) string { return strconv.FormatUint(n, 10) }
