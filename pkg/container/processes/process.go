package processes

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is what /proc says of one.
type Process struct {
	PID, PPID, PGID int
	Comm            string
	State           string // a letter, proc_pid_stat(5)
	TTY             int    // device number
	// User and System are the time it has used, and Start when it began after boot, in clock ticks;
	// UserChildren and SystemChildren are of children that have ended.
	User, System, UserChildren, SystemChildren, Start uint64
	Nice, Threads                                     int
	VSize                                             uint64 // bytes
	RSS                                               int64  // pages
	Status                                            map[string]string
	Args                                              []string
}

// ticks is how many clock ticks a second has: USER_HZ, which Linux fixed at 100 for programs.
const ticks = 100

// Read reads a process's files in proc.
func Read(proc string, pid int) (*Process, error) {
	dir := filepath.Join(proc, strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return nil, err
	}
	p, err := parseStat(stat)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", filepath.Join(dir, "stat"), err)
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return nil, err
	}
	p.Status = parseStatus(status)
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return nil, err
	}
	p.Args = parseCommand(line)
	return p, nil
}

// parseStat reads proc_pid_stat(5). The command, in parentheses, can hold anything.
func parseStat(data []byte) (*Process, error) {
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open {
		return nil, fmt.Errorf("%q: no command", data)
	}
	f := strings.Fields(string(data[end+1:]))
	const last = 24 // rss
	if len(f) < last-2 {
		return nil, fmt.Errorf("%q: %d fields", data, len(f)+2)
	}
	var err error
	// field is that of the manual's number; the first one after the command is 3.
	field := func(n int) int64 {
		v, convErr := strconv.ParseInt(f[n-3], 10, 64)
		if convErr != nil && err == nil {
			err = convErr
		}
		return v
	}
	p := &Process{Comm: string(data[open+1 : end]), State: f[0]}
	pid, convErr := strconv.Atoi(strings.TrimSpace(string(data[:open])))
	if convErr != nil {
		return nil, convErr
	}
	p.PID, p.PPID, p.PGID, p.TTY = pid, int(field(4)), int(field(5)), int(field(7))
	p.User, p.System = uint64(field(14)), uint64(field(15))
	p.UserChildren, p.SystemChildren = uint64(field(16)), uint64(field(17))
	p.Nice, p.Threads, p.Start = int(field(19)), int(field(20)), uint64(field(22))
	p.VSize, p.RSS = uint64(field(23)), field(24)
	return p, err
}

// parseStatus reads proc_pid_status(5): "Name:	value" a line.
func parseStatus(data []byte) map[string]string {
	m := map[string]string{}
	for line := range strings.SplitSeq(string(data), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			m[name] = strings.TrimSpace(value)
		}
	}
	return m
}

// parseCommand reads proc_pid_cmdline(5), which a process can have overwritten.
func parseCommand(data []byte) []string {
	text := strings.TrimRight(string(data), "\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\x00")
}

// numbers are a status line's.
func (p *Process) numbers(name string) []int {
	var out []int
	for f := range strings.FieldsSeq(p.Status[name]) {
		n, err := strconv.Atoi(f)
		if err != nil {
			return nil
		}
		out = append(out, n)
	}
	return out
}
