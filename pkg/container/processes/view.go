package processes

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// view is how the processes of a container are shown: with the pids, users and groups that
// they have there.
type view struct {
	proc   string
	now    time.Duration // since boot
	boot   time.Time
	level  int // the container's pid namespace: its place in NSpid
	pids   map[int]string
	uids   idMap
	gids   idMap
	users  map[uint32]string
	groups map[uint32]string
	// Names that the host has.
	hostUsers, hostGroups map[uint32]string
}

// Places of ids in status, proc_pid_status(5).
const (
	realID = iota
	effective
)

// unknown is shown for what is not to be found out.
const unknown = "?"

// Top describes a container's processes: headings, then a row each. layers are those of its root, topmost
// first.
func Top(e *state.Entry, words, layers []string) ([][]string, error) {
	chosen, err := choose(words)
	if err != nil {
		return nil, err
	}
	if err := Runs(e); err != nil {
		return nil, err
	}
	pids, err := List(e)
	if err != nil {
		return nil, err
	}
	var list []*Process
	for _, pid := range pids {
		p, err := Read("/proc", pid)
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("processes of container %q: %w", e.Name, err)
		}
		list = append(list, p)
	}
	v := newView("/proc", e.State.PID, list)
	if v.users == nil {
		v.users, v.groups = storedAccounts(layers)
	}
	var rows [][]string
	row := make([]string, len(chosen))
	for i, d := range chosen {
		row[i] = d.heading
	}
	rows = append(rows, row)
	for _, p := range list {
		row := make([]string, len(chosen))
		for i, d := range chosen {
			row[i] = d.value(v, p)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// newView reads what is the same for all. What cannot be read is shown as numbers, or not.
func newView(proc string, first int, list []*Process) *view {
	v := &view{proc: proc, pids: map[int]string{}}
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) == nil {
		v.now = time.Duration(ts.Nano())
		v.boot = time.Now().Add(-v.now)
	}
	dir := proc + "/" + strconv.Itoa(first)
	v.uids, v.gids = readIDMap(dir+"/uid_map"), readIDMap(dir+"/gid_map")
	for _, p := range list {
		if p.PID == first {
			v.level = len(p.numbers("NSpid")) - 1
		}
	}
	for _, p := range list {
		v.pids[p.PID] = v.pid(p)
	}
	// As root of the container's namespace has it: the user who started it is that, and may look.
	v.users, v.groups = accounts(dir + "/root")
	v.hostUsers, v.hostGroups = accounts("/")
	return v
}

func accounts(dir string) (users, groups map[uint32]string) {
	root, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, nil
	}
	defer root.Close()
	users, groups, err = oci.AccountNames(int(root.Fd()))
	if err != nil {
		return nil, nil
	}
	return users, groups
}

// storedAccounts reads them on disk: a root that fuse-overlayfs has mounted cannot be read from another user
// namespace.
func storedAccounts(layers []string) (users, groups map[uint32]string) {
	const limit = 16 << 20
	passwd, err := overlay.ReadFile(layers, "etc/passwd", limit)
	if err != nil {
		return nil, nil // numbers are shown
	}
	group, err := overlay.ReadFile(layers, "etc/group", limit)
	if err != nil {
		return nil, nil
	}
	return oci.ParseAccounts(passwd, group)
}

// idMap are the lines of a namespace's uid_map, as the caller sees them: inside, outside, count.
type idMap [][3]uint64

func readIDMap(path string) idMap {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return parseIDMap(string(data))
}

func parseIDMap(text string) idMap {
	var m idMap
	for line := range strings.Lines(text) {
		var l [3]uint64
		if _, err := fmt.Sscan(line, &l[0], &l[1], &l[2]); err == nil {
			m = append(m, l)
		}
	}
	return m
}

// inside is the id in the namespace of one outside.
func (m idMap) inside(id uint64) (uint32, bool) {
	for _, l := range m {
		if id >= l[1] && id-l[1] < l[2] {
			return uint32(l[0] + id - l[1]), true
		}
	}
	return 0, false
}

// pid is a process's in the container. One that joined from outside may have none there.
func (v *view) pid(p *Process) string {
	if ids := p.numbers("NSpid"); v.level >= 0 && v.level < len(ids) {
		return itoa(ids[v.level])
	}
	return unknown
}

// pidOf is that of another process of the container; 0 is outside.
func (v *view) pidOf(pid int) string {
	if s, ok := v.pids[pid]; ok {
		return s
	}
	return "0"
}

func (v *view) id(m idMap, ids []int, which int) string {
	if which >= len(ids) {
		return unknown
	}
	if id, ok := m.inside(uint64(ids[which])); ok {
		return utoa(uint64(id))
	}
	return unknown
}

func (v *view) name(m idMap, names map[uint32]string, ids []int, which int) string {
	if which >= len(ids) {
		return unknown
	}
	id, ok := m.inside(uint64(ids[which]))
	if !ok {
		return unknown
	}
	if name := names[id]; name != "" {
		return name
	}
	return utoa(uint64(id))
}

func (v *view) user(ids []int, which int) string  { return v.name(v.uids, v.users, ids, which) }
func (v *view) group(ids []int, which int) string { return v.name(v.gids, v.groups, ids, which) }

func (v *view) groupNames(p *Process) string {
	ids := p.numbers("Groups")
	names := make([]string, len(ids))
	for i := range ids {
		names[i] = v.group(ids, i)
	}
	return strings.Join(names, ",")
}

func (v *view) hostName(names map[uint32]string, ids []int) string {
	if effective >= len(ids) {
		return unknown
	}
	if name := names[uint32(ids[effective])]; name != "" {
		return name
	}
	return itoa(ids[effective])
}

func (v *view) hostGroupNames(p *Process) string {
	var names []string
	for _, id := range p.numbers("Groups") {
		names = append(names, v.hostName(v.hostGroups, []int{id, id}))
	}
	return strings.Join(names, ",")
}

// args is the command line; a process that has none is called by its command in brackets, as
// ps(1) does.
func (v *view) args(p *Process) string {
	if len(p.Args) == 0 {
		return "[" + p.Comm + "]"
	}
	return strings.Join(p.Args, " ")
}

const tick = time.Second / ticks

// elapsed is how long a process has been there.
func (v *view) elapsed(p *Process) time.Duration {
	return max(v.now-time.Duration(p.Start)*tick, 0)
}

// used is the processor time of a process.
func (v *view) used(p *Process) time.Duration { return time.Duration(p.User+p.System) * tick }

func (v *view) percent(p *Process) string {
	share := 0.0
	if elapsed := v.elapsed(p); elapsed > 0 {
		share = 100 * float64(v.used(p)) / float64(elapsed)
	}
	return strconv.FormatFloat(share, 'f', 3, 64)
}

func (v *view) started(p *Process) string {
	return v.boot.Add(time.Duration(p.Start) * tick).Format("2006-01-02 15:04:05 -0700 MST")
}

func (v *view) resident(p *Process) string {
	return itoa(int(p.RSS) * (os.Getpagesize() >> 10))
}

// label is that of SELinux or AppArmor.
func (v *view) label(p *Process) string {
	data, err := os.ReadFile(v.proc + "/" + strconv.Itoa(p.PID) + "/attr/current")
	text := strings.TrimRight(string(data), "\x00\n")
	if err != nil || text == "" {
		return unknown
	}
	return text
}

func seccompMode(_ *view, p *Process) string {
	switch p.Status["Seccomp"] {
	case "0":
		return "disabled"
	case "1":
		return "strict"
	case "2":
		return "filter"
	}
	return unknown
}

// capabilities shows a set of status by its names.
func capabilities(set string) func(*view, *Process) string {
	return func(_ *view, p *Process) string {
		bits, err := strconv.ParseUint(p.Status[set], 16, 64)
		if err != nil {
			return unknown
		}
		all := spec.CapabilityNames()
		if bits == 0 {
			return "none"
		}
		var names []string
		for i, name := range all {
			if bits&(1<<i) != 0 {
				names = append(names, strings.TrimPrefix(name, "CAP_"))
			}
		}
		if len(names) == len(all) {
			return "full"
		}
		return strings.Join(names, ",")
	}
}

// terminal is the name of a device number: proc_pid_stat(5), devices.txt of the kernel.
func terminal(dev int) string {
	major, minor := unix.Major(uint64(dev)), unix.Minor(uint64(dev))
	const firstSlave, lastSlave = 136, 143 // 256 pseudo terminals each
	switch {
	case dev == 0:
		return unknown
	case major >= firstSlave && major <= lastSlave:
		return "pts/" + utoa(uint64(major-firstSlave)<<8|uint64(minor))
	case major == 4 && minor < 64:
		return "tty" + utoa(uint64(minor))
	case major == 4:
		return "ttyS" + utoa(uint64(minor-64))
	case major == 5 && minor == 1:
		return "console"
	}
	return fmt.Sprintf("%d:%d", major, minor)
}

func nth(ids []int, n int) string {
	if n >= len(ids) {
		return unknown
	}
	return itoa(ids[n])
}

func itoa(n int) string    { return strconv.Itoa(n) }
func utoa(n uint64) string { return strconv.FormatUint(n, 10) }
