package linux

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// StartTime is when a process began, in clock ticks since boot (field 22 of
// proc_pid_stat(5)). A pid together with its start time names one process for ever.
func StartTime(pid int) (uint64, error) {
	_, start, err := stat(pid)
	return start, err
}

// stat reads a process's state letter and start time.
func stat(pid int) (state byte, start uint64, err error) {
	path := "/proc/" + strconv.Itoa(pid) + "/stat"
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	// The command in parentheses may hold anything: count from its end.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	const startTime = 22 - 3 // the first field after the command is number 3
	if len(fields) <= startTime {
		return 0, 0, fmt.Errorf("read %s: %d fields", path, len(fields))
	}
	start, err = strconv.ParseUint(string(fields[startTime]), 10, 64)
	return fields[0][0], start, err
}

// Alive tells whether the process that once had this pid and start time still runs; a
// zombie does not.
func Alive(pid int, start uint64) bool {
	state, now, err := stat(pid)
	return err == nil && now == start && state != 'Z' && state != 'X'
}

// Dying tells whether a process that is Alive has been killed: it is at its end (PF_EXITING), or has
// a SIGKILL before it.
func Dying(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return true // it is gone
	}
	const kill = 1 << (unix.SIGKILL - 1)
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		if name != "SigPnd" && name != "ShdPnd" {
			continue
		}
		if pending, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64); err == nil && pending&kill != 0 {
			return true
		}
	}
	// proc_pid_stat(5): the flags are the seventh field after the name's parenthesis.
	data, err = os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 7 {
		return false
	}
	const exiting = 0x4 // PF_EXITING
	flags, err := strconv.ParseUint(fields[6], 10, 64)
	return err == nil && flags&exiting != 0
}

// KernelAtLeast compares the running kernel's release with major.minor.
func KernelAtLeast(major, minor int) bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	var v [2]int
	i := 0
	for _, c := range u.Release {
		if c == '.' {
			if i++; i == len(v) {
				break
			}
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		v[i] = v[i]*10 + int(c-'0')
	}
	return v[0] > major || v[0] == major && v[1] >= minor
}
