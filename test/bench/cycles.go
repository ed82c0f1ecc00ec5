package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// cyclesLimit is the time after which there are fewer cycles than were asked for.
	cyclesLimit = 4 * time.Minute
	cycleMover  = "bench-mover"
	cyclePeer   = "bench-peer"
	// cycleHub is the descriptor by which rc-bridge has the bridges' namespace (its main.go).
	cycleHub     = 5
	cycleFiles   = "open files of rc-bridge"
	cycleThreads = "threads of rc-bridge"
)

// cycles connects a container with a network, and disconnects it, again and again; another one, which is on
// that network, looks it up after each step.
type cycles struct {
	*ground
	done                                        int
	unconnected, unknown, stale, undisconnected int
	first                                       error // of those that should have come out well
}

// tableCycles counts what went wrong in n cycles, and what is left after them.
func tableCycles(ctx context.Context, g *ground, n int) table {
	t := table{Title: fmt.Sprintf("%d times connected with a network and disconnected", n), Head: []string{"what", "how many", "limit", ""}}
	if g.rcErr != nil {
		t.Notes = []string{"skipped: rc: " + g.rcErr.Error()}
		return t
	}
	c := &cycles{ground: g}
	defer g.dropBridge(ctx)
	before, after, took, err := c.run(ctx, n)
	if err != nil {
		t.Notes = append(t.Notes, "failed: "+err.Error())
		t.Missed++
		return t
	}
	if c.done < n {
		t.Notes = append(t.Notes, fmt.Sprintf("only %d cycles: their time was over", c.done))
		t.Missed++
	}
	if c.first != nil {
		t.Notes = append(t.Notes, "the first that failed: "+c.first.Error())
	}
	t.Notes = append(t.Notes, fmt.Sprintf("%s ms for each cycle, which is four calls of rc.", ms(took/time.Duration(max(c.done, 1)))))
	row := func(what string, n, limit int) {
		t.Rows = append(t.Rows, []string{what, strconv.Itoa(n), strconv.Itoa(limit), t.verdict(n <= limit)})
	}
	row("connections that failed", c.unconnected, 0)
	row("look-ups after them that failed", c.unknown, 0)
	row("disconnections that failed", c.undisconnected, 0)
	row("look-ups after them that found it", c.stale, 0)
	for _, what := range cycleStock {
		limit := 0
		if what == cycleThreads {
			limit = 8 // Go keeps those that were busy at the same time
		}
		row(what+" left", max(after[what]-before[what], 0), limit)
	}
	return t
}

func (c *cycles) run(ctx context.Context, n int) (before, after map[string]int, took time.Duration, err error) {
	if rc, _ := c.makeBridge(ctx); rc != nil {
		return nil, nil, 0, rc
	}
	const home = bridgeNetwork + "-home"
	defer func() { _, _ = c.output(context.WithoutCancel(ctx), c.rcArgs("network", "rm", "-f", "-t", "0", home)) }()
	for _, args := range [][]string{
		{"network", "create", home},
		append([]string{"run", "-d", "--name", cycleMover, "--network", home}, sleeper...),
	} {
		if _, err := c.output(ctx, c.rcArgs(args...)); err != nil {
			return nil, nil, 0, err
		}
	}
	c.cycle(ctx) // whatever is made once is there after it
	c.done = 0
	if before, err = c.stock(ctx); err != nil {
		return nil, nil, 0, err
	}
	began := time.Now()
	for c.done < n && time.Since(began) < cyclesLimit && ctx.Err() == nil {
		c.cycle(ctx)
	}
	took = time.Since(began)
	time.Sleep(settleMigration) // rc's last process may be on its way out
	after, err = c.stock(ctx)
	return before, after, took, err
}

func (c *cycles) cycle(ctx context.Context) {
	c.done++
	try := func(failed *int, args ...string) {
		if _, err := c.output(ctx, c.rcArgs(args...)); err != nil {
			*failed++
			if c.first == nil {
				c.first = err
			}
		}
	}
	look := []string{"exec", cyclePeer, "/bench", "-lookups", "1", "-lookup", cycleMover}
	try(&c.unconnected, "network", "connect", bridgeNetwork, cycleMover)
	try(&c.unknown, look...)
	try(&c.undisconnected, "network", "disconnect", bridgeNetwork, cycleMover)
	if _, err := c.output(ctx, c.rcArgs(look...)); err == nil {
		c.stale++
	}
}

// cycleStock is what must not become more.
var cycleStock = []string{"interfaces in the container", "interfaces beside the bridges", "processes", "addresses", cycleFiles, cycleThreads}

func (c *cycles) stock(ctx context.Context) (map[string]int, error) {
	count := map[string]int{}
	put := func(what string, n int) { count[what] += n }
	shim, err := c.output(ctx, c.rcArgs("inspect", "-f", "{{.State.ConmonPid}}", cycleMover))
	if err != nil {
		return nil, err
	}
	all, err := processes()
	if err != nil {
		return nil, err
	}
	helper := 0
	for pid, p := range all {
		if strings.HasPrefix(p.name, "rc-") || p.name == "rc" || p.name == "slirp4netns" || p.name == "pasta" {
			put("processes", 1)
		}
		if p.name == "rc-bridge" && strconv.Itoa(p.parent) == shim {
			helper = pid
		}
	}
	if helper == 0 {
		return nil, fmt.Errorf("no rc-bridge below the shim %s", shim)
	}
	proc := filepath.Join("/proc", strconv.Itoa(helper))
	for what, dir := range map[string]string{cycleFiles: "fd", cycleThreads: "task"} {
		entries, err := os.ReadDir(filepath.Join(proc, dir))
		if err != nil {
			return nil, err
		}
		put(what, len(entries))
	}
	hub := fmt.Sprintf("--net=%s/fd/%d", proc, cycleHub)
	for what, args := range map[string][]string{
		"interfaces in the container":   c.rcArgs("exec", cycleMover, "sh", "-c", "for i in /sys/class/net/*; do echo $i; done"),
		"interfaces beside the bridges": {"nsenter", "--preserve-credentials", "--user=" + proc + "/ns/user", hub, "ip", "-o", "link"},
		"addresses":                     c.rcArgs("network", "inspect", bridgeNetwork, "-f", "{{range .Containers}}{{println .Name}}{{end}}"),
	} {
		out, err := c.output(ctx, args)
		if err != nil {
			return nil, err
		}
		put(what, len(slices.DeleteFunc(strings.Split(out, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })))
	}
	return count, nil
}
