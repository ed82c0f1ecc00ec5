package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits on what rc costs beside time.
const (
	initRC    = 1500 * time.Microsecond // sum of package inits
	initShim  = 400 * time.Microsecond
	idleShim  = 800 << 10 // bytes of proportional set size each
	readyWait = time.Minute
)

// tableInit sums what the runtime reports of package initialisation.
func tableInit(ctx context.Context, g *ground) table {
	t := table{Title: "Package initialisation", Head: []string{"program", "min ms", "median ms", "limit", ""}}
	for _, p := range []struct {
		name  string
		args  []string
		limit time.Duration
	}{{"rc", []string{"--version"}, initRC}, {"rc-shim", nil, initShim}} {
		path := filepath.Join(g.bin, p.name)
		sums, err := initSums(ctx, path, p.args)
		if err != nil {
			t.Rows = append(t.Rows, []string{p.name, "-", "-", "", "skipped"})
			t.Notes = append(t.Notes, p.name+": skipped: "+err.Error())
			continue
		}
		r := result{Samples: sums}
		// The minimum is the program's; what is above it is the machine's.
		t.Rows = append(t.Rows, []string{
			p.name, fmt.Sprintf("%.2f", r.min().Seconds()*1000), fmt.Sprintf("%.2f", r.median().Seconds()*1000),
			fmt.Sprintf("median ≤ %.1f", p.limit.Seconds()*1000), t.verdict(r.median() <= p.limit),
		})
	}
	return t
}

// initLine is runtime's `init internal/bytealg @0.004 ms, 0 ms clock, 0 bytes, 0 allocs`.
var initLine = regexp.MustCompile(`^init \S+ @\S+ ms, (\S+) ms clock`)

func initSums(ctx context.Context, path string, args []string) ([]time.Duration, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, errors.New("not built")
	}
	var sums []time.Duration
	for range 21 {
		ctx, cancel := context.WithTimeout(ctx, runLimit)
		cmd := exec.CommandContext(ctx, path, args...)
		cmd.Env = []string{"GODEBUG=inittrace=1"}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		err := cmd.Run() // rc-shim without a plan ends with an error: its inits ran
		cancel()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return nil, err
		}
		sum, found := time.Duration(0), false
		for line := range strings.Lines(stderr.String()) {
			if m := initLine.FindStringSubmatch(line); m != nil {
				clock, err := strconv.ParseFloat(m[1], 64)
				if err != nil {
					return nil, fmt.Errorf("read %q: %w", line, err)
				}
				sum, found = sum+time.Duration(clock*float64(time.Millisecond)), true
			}
		}
		if !found {
			return nil, errors.New("the runtime printed no init times")
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

// tableIdle starts n containers that sleep and looks at their shims' memory.
func tableIdle(ctx context.Context, g *ground, n int) table {
	t := table{
		Title: fmt.Sprintf("Memory per process while %d containers sleep", n),
		Head:  []string{"process", "how many", "min KiB", "median KiB", "mean KiB", "limit", ""},
	}
	if g.rcErr != nil {
		t.Notes = []string{"skipped: rc: " + g.rcErr.Error()}
		return t
	}
	pss, err := idlePSS(ctx, g, n)
	if err != nil {
		t.Notes = []string{"failed: " + err.Error()}
		t.Missed++
		return t
	}
	for _, name := range []string{"rc-shim", "rc"} {
		all := pss[name]
		if len(all) == 0 {
			t.Notes = append(t.Notes, "no process "+name+" was found")
			t.Missed++
			continue
		}
		slices.Sort(all)
		sum := 0
		for _, v := range all {
			sum += v
		}
		row := []string{
			name, strconv.Itoa(len(all)), strconv.Itoa(all[0] >> 10), strconv.Itoa(all[len(all)/2] >> 10),
			strconv.Itoa(sum / len(all) >> 10), "", "",
		}
		if name == "rc-shim" {
			row[5] = fmt.Sprintf("mean ≤ %d", idleShim>>10)
			row[6] = t.verdict(sum/len(all) <= idleShim)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// idlePSS returns the proportional set sizes, in bytes, of the processes below n running `rc run`.
func idlePSS(ctx context.Context, g *ground, n int) (map[string][]int, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*readyWait)
	defer cancel()
	commands := make([]*exec.Cmd, 0, n)
	defer func() {
		for _, cmd := range commands {
			cmd.Process.Signal(syscall.SIGTERM)
		}
		for _, cmd := range commands {
			done := time.AfterFunc(15*time.Second, func() { cmd.Process.Kill() })
			cmd.Wait()
			done.Stop()
		}
	}()
	for range n {
		cmd := exec.Command(filepath.Join(g.bin, "rc"), "run", "--rm", "--network", "none", "--cgroups", "disabled",
			"--stop-signal", "KILL", "alpine", "sh", "-c", "trap 'exit 0' TERM; echo ready; sleep 600 & wait")
		cmd.Env = g.env
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		commands = append(commands, cmd)
		ready := time.AfterFunc(readyWait, func() { cmd.Process.Kill() })
		line, err := bufio.NewReader(stdout).ReadString('\n')
		ready.Stop()
		if err != nil {
			return nil, fmt.Errorf("container %d: no answer (%q): %w", len(commands), line, err)
		}
	}
	select { // until the runtimes have given back what they needed to start
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(2 * time.Second):
	}
	return familyPSS(commands)
}

// familyPSS looks at all descendants of commands that are rc's.
func familyPSS(commands []*exec.Cmd) (map[string][]int, error) {
	parents, err := processes()
	if err != nil {
		return nil, err
	}
	ours := map[int]bool{}
	for _, cmd := range commands {
		ours[cmd.Process.Pid] = true
	}
	descends := func(pid int) bool {
		for ; pid > 1; pid = parents[pid].parent {
			if ours[pid] {
				return true
			}
		}
		return false
	}
	pss := map[string][]int{}
	for pid, p := range parents {
		if !descends(pid) || (p.name != "rc" && p.name != "rc-shim") {
			continue
		}
		bytes, err := readPSS(pid)
		if err != nil {
			return nil, err
		}
		pss[p.name] = append(pss[p.name], bytes)
	}
	return pss, nil
}

type process struct {
	parent int
	name   string
	args   []string
}

// processes reads parent, name (argv[0]'s last element) and arguments of every process.
func processes() (map[int]process, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	all := map[int]process{}
	for _, dir := range dirs {
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue // it has ended
		}
		cmdline, err := os.ReadFile(dir + "/cmdline")
		if err != nil {
			continue
		}
		// pid (comm) state ppid: comm may hold anything, so look from its end.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		pid, err1 := strconv.Atoi(filepath.Base(dir))
		parent, err2 := strconv.Atoi(fields[1])
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		args := strings.Split(string(cmdline), "\x00")
		all[pid] = process{parent, filepath.Base(args[0]), args}
	}
	return all, nil
}

func readPSS(pid int) (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kb, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no Pss in /proc/%d/smaps_rollup", pid)
}

// tableSize lists what is installed.
func tableSize(g *ground) table {
	t := table{Title: "Size", Head: []string{"program", "MiB"}}
	entries, err := os.ReadDir(g.bin)
	if err != nil {
		t.Notes = []string{err.Error()}
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			t.Rows = append(t.Rows, []string{entry.Name(), fmt.Sprintf("%.1f", float64(info.Size())/(1<<20))})
		}
	}
	return t
}
