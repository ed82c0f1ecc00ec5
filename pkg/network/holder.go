package network

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

const procRoot = "/proc"

// holder finds out who has a port of the host, as far as the caller may know: the name and pid
// of the process, or else the number of its user. "" is nobody. It may be passing where it may be a
// helper of rc's that is about to end.
func holder(p spec.Port, proc string) (who string, passing bool) {
	var inodes, uids []string
	for _, table := range []string{p.Protocol, p.Protocol + "6"} {
		data, err := os.ReadFile(filepath.Join(proc, "net", table))
		if err != nil {
			continue
		}
		i, u := socketsAt(string(data), p.HostPort, p.Protocol == spec.TCP)
		inodes, uids = append(inodes, i...), append(uids, u...)
	}
	if len(inodes) == 0 {
		return "", true
	}
	if pid, name := owner(proc, inodes); pid != 0 {
		return fmt.Sprintf("%s (pid %d)", name, pid), isHelper(name)
	}
	return "a process of uid " + uids[0], uids[0] == strconv.Itoa(os.Getuid())
}

// isHelper tells by a process's name whether it may be a helper of rc's. pasta is passt, too, and passt.avx2.
func isHelper(name string) bool {
	return strings.HasPrefix(name, "pasta") || strings.HasPrefix(name, "passt") ||
		slices.Contains([]string{"rc", "rc-shim", "rc-net", "rc-bridge", "slirp4netns"}, name)
}

// socketsAt are inodes and uids of the sockets with a local port in a table of
// proc_pid_net(5): sl, local address, remote address, state, queues, timer, retransmits, uid,
// timeout, inode.
func socketsAt(table string, port uint16, listening bool) (inodes, uids []string) {
	const listen = "0A"
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 10 || listening && f[3] != listen {
			continue
		}
		_, number, found := strings.Cut(f[1], ":")
		raw, err := hex.DecodeString(number)
		if !found || err != nil || len(raw) != 2 || uint16(raw[0])<<8|uint16(raw[1]) != port {
			continue
		}
		inodes, uids = append(inodes, f[9]), append(uids, f[7])
	}
	return inodes, uids
}

// owner finds a process that has one of the sockets.
func owner(proc string, inodes []string) (pid int, name string) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return 0, ""
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join(proc, e.Name(), "fd")
		fds, err := os.ReadDir(dir)
		if err != nil {
			continue // another user's
		}
		for _, fd := range fds {
			link, err := os.Readlink(filepath.Join(dir, fd.Name()))
			if err != nil {
				continue
			}
			inode, found := strings.CutPrefix(link, "socket:[")
			if found && slices.Contains(inodes, strings.TrimSuffix(inode, "]")) {
				comm, err := os.ReadFile(filepath.Join(proc, e.Name(), "comm"))
				if err != nil {
					return pid, "a process"
				}
				return pid, strings.TrimSpace(string(comm))
			}
		}
	}
	return 0, ""
}
