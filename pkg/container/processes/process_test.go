package processes

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// own is an entry whose container is this process.
func own(t *testing.T) *state.Entry {
	t.Helper()
	start, err := linux.StartTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	return &state.Entry{
		Summary: spec.Summary{Name: "own", Network: "none"}, Status: state.Running,
		State: &spec.State{PID: os.Getpid(), PIDStart: start, ShimPID: os.Getpid(), ShimStart: start, Started: time.Now().Add(-time.Second)},
	}
}

func TestParseStat(t *testing.T) {
	const line = "77 (a) b (c\n) S 1 76 75 34817 77 4194560 100 0 0 0 12 34 5 6 20 -5 3 0 4321 2322432 380 18446744073709551615 1 1 0\n"
	got, err := parseStat([]byte(line))
	want := &Process{
		PID: 77, PPID: 1, PGID: 76, Comm: "a) b (c\n", State: "S", TTY: 34817, User: 12, System: 34, UserChildren: 5, SystemChildren: 6,
		Start: 4321, Nice: -5, Threads: 3, VSize: 2322432, RSS: 380,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, bad := range []string{"", "77", "77 (a", "77 ) (", "x (a) S 1", "77 (a) S 1 2 3", "77 (a) S 1 76 75 0 77 0 0 0 0 0 x 0 0 0 20 0 1 0 1 1 1"} {
		if p, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, p)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1 (x) S 1 1 1 0 1 0 0 0 0 0 1 1 0 0 20 0 1 0 1 1 1"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = parseStat(data)
		parseStatus(data)
		parseCommand(data)
		parseNetwork(data)
		parseIDMap(string(data))
	})
}

func TestParseNetwork(t *testing.T) {
	const dev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0
  tap0:  100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0
eth0:1000 1 0 0 0 0 0 0 2000 1 0 0 0 0 0 0
 bad: 1 2
`
	if got := parseNetwork([]byte(dev)); *got != (Network{1100, 2200}) {
		t.Error(got)
	}
}

func TestTerminal(t *testing.T) {
	for dev, want := range map[int]string{0: "?", 136 << 8: "pts/0", 136<<8 | 3: "pts/3", 137<<8 | 1: "pts/257", 4<<8 | 1: "tty1", 4<<8 | 65: "ttyS1", 5<<8 | 1: "console", 3<<8 | 2: "3:2"} {
		if got := terminal(dev); got != want {
			t.Errorf("%d: %s, want %s", dev, got, want)
		}
	}
}

func TestIDMap(t *testing.T) {
	m := parseIDMap("         0       1000          1\n         1     100000      65536\n")
	for id, want := range map[uint64]uint32{1000: 0, 100000: 1, 165535: 65536} {
		if got, ok := m.inside(id); !ok || got != want {
			t.Errorf("%d: %d, %v", id, got, ok)
		}
	}
	if id, ok := m.inside(1001); ok {
		t.Error(id)
	}
}

func TestDescends(t *testing.T) {
	parents := map[int]int{2: 1, 3: 2, 4: 3, 5: 1, 6: 7, 7: 6}
	for pid, want := range map[int]bool{2: true, 3: true, 4: true, 5: false, 1: false, 6: false} {
		if got := descends(parents, pid, 2); got != want {
			t.Errorf("%d: %v", pid, got)
		}
	}
}

func TestTop(t *testing.T) {
	e := own(t)
	cmd := exec.CommandContext(t.Context(), "sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	rows, err := Top(e, []string{"pid,ppid", "%a", "user", "uid", "hpid"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(rows[0], []string{"PID", "PPID", "COMMAND", "USER", "UID", "HPID"}) {
		t.Error(rows[0])
	}
	child := strconv.Itoa(cmd.Process.Pid)
	i := slices.IndexFunc(rows, func(row []string) bool { return row[0] == child })
	if i < 0 || rows[i][1] != strconv.Itoa(os.Getpid()) || !strings.Contains(rows[i][2], "sleep") && rows[i][2] == "" {
		t.Errorf("%q", rows)
	}
	// Every column, of every process.
	if rows, err := Top(e, Descriptors(), nil); err != nil || len(rows) < 3 || len(rows[1]) != len(Descriptors()) {
		t.Errorf("%q, %v", rows, err)
	}
	if rows, err := Top(e, nil, nil); err != nil || !slices.Equal(rows[0], []string{"USER", "PID", "PPID", "%CPU", "ELAPSED", "TTY", "TIME", "COMMAND"}) {
		t.Errorf("%q, %v", rows, err)
	}
	for _, words := range [][]string{{"nope"}, {"pid,nope"}, {""}, {"pid,"}} {
		if _, err := Top(e, words, nil); err == nil || !strings.Contains(err.Error(), "capamb") {
			t.Errorf("%q: %v", words, err)
		}
	}
}

func TestTake(t *testing.T) {
	e := own(t)
	s, err := Take(e)
	if err != nil || s == nil || !s.Summed || s.Stats.Memory.Used == 0 || s.Stats.PIDs == 0 || s.Net == nil {
		t.Fatalf("%+v, %v", s, err)
	}
	// Without a cgroup that is there, the same.
	e.State.Cgroup = t.TempDir() + "/gone"
	if s, err := Take(e); err != nil || s == nil || !s.Summed {
		t.Errorf("%+v, %v", s, err)
	}
	e.State.PIDStart++ // it has ended, and another one has its pid
	if s, err := Take(e); s != nil || err != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if err := Runs(e); errs.Hint(err) == "" {
		t.Error(err)
	}
	if HostMemory() < 1<<20 {
		t.Error(HostMemory())
	}
}
