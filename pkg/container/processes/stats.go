package processes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/state"
)

// Sample is what a container has used up to a moment.
type Sample struct {
	At    time.Time
	Stats cgroup.Stats
	Net   *Network // nil with the host's network, whose figures are not the container's
	// Summed says that there was no cgroup to ask: the figures are sums over the processes.
	Summed bool
}

// uncounted are interfaces whose traffic is no other machine's, or is another interface's, too:
// --network-rate leads what comes in through rc-in.
var uncounted = [...]string{"lo", "rc-in"}

// Network is what went through a container's interfaces but lo, in bytes.
type Network struct{ In, Out uint64 }

// Take takes a sample; nil for a container that does not run, or has ended meanwhile.
func Take(e *state.Entry) (*Sample, error) {
	if !runs(e) {
		return nil, nil
	}
	s := &Sample{At: time.Now()}
	stats, err := readStats(e)
	if err == nil && stats == nil {
		s.Summed = true
		stats, err = sum("/proc", e)
	}
	if err == nil && e.Network != "host" {
		s.Net, err = readNetwork("/proc", e.State.PID)
	}
	switch {
	case !runs(e):
		return nil, nil // it has ended; whatever is missing is missing therefore
	case err != nil:
		return nil, fmt.Errorf("statistics of container %q: %w", e.Name, err)
	}
	s.Stats = *stats
	return s, nil
}

// readStats asks the cgroup; nil where there is none.
func readStats(e *state.Entry) (*cgroup.Stats, error) {
	if e.State.Cgroup == "" {
		return nil, nil
	}
	stats, err := cgroup.ReadStats(e.State.Cgroup)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return stats, err
}

// sum adds up the processes. What those have used that ended and were waited for is in it;
// memory that several share is counted for each.
func sum(proc string, e *state.Entry) (*cgroup.Stats, error) {
	pids, err := List(e)
	if err != nil {
		return nil, err
	}
	s := &cgroup.Stats{CPU: &cgroup.CPUStats{}, Memory: &cgroup.MemoryStats{}}
	const tick = uint64(time.Second / ticks)
	for _, pid := range pids {
		p, err := Read(proc, pid)
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.CPU.User += tick * (p.User + p.UserChildren)
		s.CPU.System += tick * (p.System + p.SystemChildren)
		s.Memory.Used += uint64(p.RSS) * uint64(os.Getpagesize())
		s.PIDs += uint64(p.Threads)
	}
	s.CPU.Total = s.CPU.User + s.CPU.System
	return s, nil
}

func readNetwork(proc string, pid int) (*Network, error) {
	data, err := os.ReadFile(proc + "/" + strconv.Itoa(pid) + "/net/dev")
	if err != nil {
		return nil, err
	}
	return parseNetwork(data), nil
}

// parseNetwork reads /proc/net/dev: two lines of headings, then "name: 8 numbers received, 8 sent".
func parseNetwork(data []byte) *Network {
	n := &Network{}
	for line := range strings.SplitSeq(string(data), "\n") {
		name, rest, ok := strings.Cut(line, ":")
		f := strings.Fields(rest)
		const sent = 8
		if !ok || slices.Contains(uncounted[:], strings.TrimSpace(name)) || len(f) <= sent {
			continue
		}
		in, inErr := strconv.ParseUint(f[0], 10, 64)
		out, outErr := strconv.ParseUint(f[sent], 10, 64)
		if inErr == nil && outErr == nil {
			n.In, n.Out = n.In+in, n.Out+out
		}
	}
	return n
}

// HostMemory is how much memory the machine has, in bytes; 0 where that cannot be read.
func HostMemory() uint64 {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	kb, _, _ := strings.Cut(parseStatus(data)["MemTotal"], " ")
	n, err := strconv.ParseUint(kb, 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
