package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Stats is what a cgroup has used. Without a controller there is no figure: nil.
type Stats struct {
	CPU    *CPUStats
	Memory *MemoryStats
	IO     *IOStats
	// PIDs counts threads, with or without a controller.
	PIDs uint64
}

// CPUStats are nanoseconds since the cgroup was made.
type CPUStats struct{ Total, User, System uint64 }

// MemoryStats are bytes.
type MemoryStats struct {
	// Used is without the page cache that can go at any time (inactive_file), as docker has it.
	Used uint64
	// Limit is 0 where there is none.
	Limit uint64
}

// IOStats are bytes of all block devices together.
type IOStats struct{ Read, Written uint64 }

// ReadStats reads the figures of a cgroup. fs.ErrNotExist says that it has gone.
func ReadStats(dir string) (*Stats, error) {
	s := &Stats{}
	cpu, err := optional(dir, "cpu.stat")
	if err != nil {
		return nil, err
	}
	if cpu == nil {
		// Every cgroup has this file (cgroups(7)): there is none any more.
		return nil, fmt.Errorf("statistics of cgroup %q: %w", dir, fs.ErrNotExist)
	}
	s.CPU = parseCPU(cpu)
	if s.Memory, err = readMemory(dir); err != nil {
		return nil, err
	}
	io, err := optional(dir, "io.stat")
	if err != nil {
		return nil, err
	}
	if io != nil {
		s.IO = parseIO(io)
	}
	s.PIDs, err = countPIDs(dir)
	return s, err
}

// optional reads a file that is there only with its controller; nil without.
func optional(dir, name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil, nil
	}
	if data == nil && err == nil {
		data = []byte{} // io.stat of a cgroup that has not used any
	}
	return data, err
}

func parseCPU(data []byte) *CPUStats {
	const ns = 1000 // of a microsecond
	return &CPUStats{
		Total:  ns * counter(data, "usage_usec"),
		User:   ns * counter(data, "user_usec"),
		System: ns * counter(data, "system_usec"),
	}
}

func readMemory(dir string) (*MemoryStats, error) {
	current, err := optional(dir, "memory.current")
	if current == nil || err != nil {
		return nil, err
	}
	stat, err := optional(dir, "memory.stat")
	if err != nil {
		return nil, err
	}
	limit, err := optional(dir, "memory.max")
	if err != nil {
		return nil, err
	}
	return parseMemory(current, stat, limit), nil
}

func parseMemory(current, stat, limit []byte) *MemoryStats {
	m := &MemoryStats{Used: number(current), Limit: number(limit)}
	if cache := counter(stat, "inactive_file"); cache < m.Used {
		m.Used -= cache
	}
	return m
}

// number is a file's only value; 0 for "max".
func number(data []byte) uint64 {
	n, err := strconv.ParseUint(string(bytes.TrimSpace(data)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// parseIO adds up the devices: "8:0 rbytes=1 wbytes=2 rios=3 …" a line.
func parseIO(data []byte) *IOStats {
	s := &IOStats{}
	for field := range strings.FieldsSeq(string(data)) {
		key, value, _ := strings.Cut(field, "=")
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			continue
		}
		switch key {
		case "rbytes":
			s.Read += n
		case "wbytes":
			s.Written += n
		}
	}
	return s
}

// countPIDs asks the controller, or counts.
func countPIDs(dir string) (uint64, error) {
	data, err := optional(dir, "pids.current")
	if err != nil {
		return 0, err
	}
	if data != nil {
		return number(data), nil
	}
	threads, err := members(dir, "cgroup.threads")
	return uint64(len(threads)), err
}

// AllProcesses are the pids of the processes in a cgroup and in those below it, as the caller's
// pid namespace has them. A cgroup that has gone has none.
func AllProcesses(dir string) ([]int, error) { return members(dir, "cgroup.procs") }

func members(dir, file string) ([]int, error) {
	data, err := optional(dir, file)
	// EOPNOTSUPP: in a threaded cgroup, whose processes the one above it lists.
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return nil, err
	}
	var pids []int
	for field := range bytes.FieldsSeq(data) {
		// 0 is a process that the caller's pid namespace does not have.
		if pid, err := strconv.Atoi(string(field)); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		below, err := members(filepath.Join(dir, e.Name()), file)
		if err != nil {
			return nil, err
		}
		pids = append(pids, below...)
	}
	return pids, nil
}
