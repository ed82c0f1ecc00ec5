package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// starters is how many rc run -d there are at a time: two for each processor of a small machine.
	starters = 4
	// stopSeconds is what containers are given to end.
	stopSeconds = 5
)

// crowd is many containers that sleep at once.
type crowd struct {
	*ground
	n     int
	shims []int // pids
}

// step is one thing done with a crowd: what is measured, and what is looked at afterwards.
type step struct {
	name  string
	do    func(context.Context) error
	check func(context.Context) (holds bool, err error)
	limit string
}

// tableMany starts n containers, looks at them, stops and removes them.
func tableMany(ctx context.Context, g *ground, n int) table {
	t := table{Title: fmt.Sprintf("%d containers at once", n), Head: []string{"what", "s", "ms each", "limit", ""}}
	if g.rcErr != nil {
		t.Notes = []string{"skipped: rc: " + g.rcErr.Error()}
		return t
	}
	c := &crowd{ground: g, n: n}
	var running, left string
	steps := []step{
		{fmt.Sprintf("rc run -d, %d at a time", starters), c.start, nil, "no error"},
		{"rc ps", c.print(&running, "ps", "--format", "{{.Pid}}"), func(context.Context) (bool, error) {
			return len(strings.Fields(running)) == n, c.findShims(strings.Fields(running))
		}, fmt.Sprintf("all %d", n)},
		{fmt.Sprintf("rc stop -a -t %d", stopSeconds), c.print(nil, "stop", "-a", "-t", strconv.Itoa(stopSeconds)), c.endedThemselves, "none killed"},
		{"rc rm -a", c.print(nil, "rm", "-a"), func(ctx context.Context) (bool, error) {
			err := c.print(&left, "ps", "-aq")(ctx)
			return left == "" && c.alive() == 0, err
		}, "nothing left"},
	}
	for i, s := range steps {
		start := time.Now()
		err := s.do(ctx)
		took, holds := time.Since(start), true
		if err == nil && s.check != nil {
			holds, err = s.check(ctx)
		}
		if err != nil {
			t.Notes = append(t.Notes, s.name+": failed: "+err.Error())
			t.Missed++
			break
		}
		t.Rows = append(t.Rows, []string{s.name, fmt.Sprintf("%.2f", took.Seconds()), ms(took / time.Duration(n)), s.limit, t.verdict(holds)})
		if i == 1 {
			t.Notes = append(t.Notes, c.memory(ctx, &t))
		}
	}
	return t
}

// print runs rc and keeps what it prints.
func (c *crowd) print(to *string, args ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		out, err := c.output(ctx, c.rcArgs(args...))
		if to != nil {
			*to = out
		}
		return err
	}
}

func (c *crowd) start(ctx context.Context) error {
	args := c.rcNew(append([]string{"-d"}, sleeper...)...)
	turns := make(chan struct{}, c.n)
	for range c.n {
		turns <- struct{}{}
	}
	close(turns)
	failed := make([]error, starters)
	var all sync.WaitGroup
	for i := range starters {
		all.Go(func() {
			for range turns {
				if _, err := c.output(ctx, args); err != nil {
					failed[i] = err
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

// endedThemselves says whether all have ended by their stop signal: the sleeper exits with 0 then.
func (c *crowd) endedThemselves(ctx context.Context) (bool, error) {
	var codes string
	err := c.print(&codes, "ps", "-a", "--format", "{{.State}} {{.ExitCode}}")(ctx)
	ended := 0
	for line := range strings.Lines(codes) {
		if strings.TrimSpace(line) == "exited 0" {
			ended++
		}
	}
	return ended == c.n, err
}

// findShims notes the parents of containers' processes.
func (c *crowd) findShims(pids []string) error {
	all, err := processes()
	if err != nil {
		return err
	}
	for _, word := range pids {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return err
		}
		if shim := all[pid].parent; all[shim].name == "rc-shim" {
			c.shims = append(c.shims, shim)
		}
	}
	return nil
}

// alive is the number of shims that are still there, after they have been given a moment to go.
func (c *crowd) alive() int {
	for end := time.Now().Add(stopSeconds * time.Second); ; time.Sleep(settleMigration) {
		all, err := processes()
		left := slices.DeleteFunc(slices.Clone(c.shims), func(pid int) bool { return all[pid].name != "rc-shim" })
		if err == nil && (len(left) == 0 || time.Now().After(end)) {
			return len(left)
		}
	}
}

// memory is a sentence about what the shims use.
func (c *crowd) memory(ctx context.Context, t *table) string {
	select { // until the runtimes have given back what they needed to start
	case <-ctx.Done():
	case <-time.After(2 * time.Second):
	}
	sum, biggest := 0, 0
	for _, pid := range c.shims {
		pss, err := readPSS(pid)
		if err != nil {
			t.Missed++
			return "Memory: failed: " + err.Error()
		}
		sum, biggest = sum+pss, max(biggest, pss)
	}
	mean := sum / max(len(c.shims), 1)
	return fmt.Sprintf("%d shims: PSS %d KiB on average, %d at most; limit %d on average: %s.",
		len(c.shims), mean>>10, biggest>>10, idleShim>>10, t.verdict(mean <= idleShim && len(c.shims) == c.n))
}
