package linux

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// maxCPU bounds what a list may name: the kernel's largest NR_CPUS is 8192 on x86 and 512 to
// 4096 elsewhere, memory nodes are fewer.
const maxCPU = 8192

// CPUSet is a set of processors or memory nodes: bit n%8 of byte n/8 stands for number n. It is
// also systemd's form of AllowedCPUs= on the bus. The last byte is never zero.
type CPUSet []byte

// ParseCPUList reads the kernel's list format of cpuset(7), "0-3,5"; numbers may repeat.
func ParseCPUList(list string) (CPUSet, error) {
	var set CPUSet
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		low, high, isRange := strings.Cut(part, "-")
		first, err := cpuNumber(low)
		if err != nil {
			return nil, fmt.Errorf("list %q: %w", list, err)
		}
		last := first
		if isRange {
			if last, err = cpuNumber(high); err != nil {
				return nil, fmt.Errorf("list %q: %w", list, err)
			}
		}
		if last < first {
			return nil, fmt.Errorf("list %q: range %q runs backwards", list, part)
		}
		for n := first; n <= last; n++ {
			set = set.add(n)
		}
	}
	return set, nil
}

func cpuNumber(s string) (int, error) {
	// ParseUint takes neither a sign nor, with base 10, an underscore.
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n >= maxCPU {
		return 0, fmt.Errorf("%q is not a number below %d", s, maxCPU)
	}
	return int(n), nil
}

func (s CPUSet) add(n int) CPUSet {
	for len(s) <= n/8 {
		s = append(s, 0)
	}
	s[n/8] |= 1 << (n % 8)
	return s
}

// Has says whether number n is in the set.
func (s CPUSet) Has(n int) bool {
	return n >= 0 && n/8 < len(s) && s[n/8]&(1<<(n%8)) != 0
}

// Without is what s holds and other does not, ascending.
func (s CPUSet) Without(other CPUSet) []int {
	var rest []int
	for n := range len(s) * 8 {
		if s.Has(n) && !other.Has(n) {
			rest = append(rest, n)
		}
	}
	return rest
}

// OnlineCPUs are the processors that are switched on, as the kernel lists them ("0-3").
func OnlineCPUs() (string, error) { return online("/sys/devices/system/cpu/online") }

// OnlineNodes are the memory nodes. A kernel without NUMA has no such file, and node 0.
func OnlineNodes() (string, error) {
	list, err := online("/sys/devices/system/node/online")
	if os.IsNotExist(err) {
		return "0", nil
	}
	return list, err
}

func online(file string) (string, error) {
	data, err := os.ReadFile(file)
	return strings.TrimSpace(string(data)), err
}
