package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// The pause before each run, in which the kernel takes apart what the one before left
// (network namespaces, cgroups): it shall not be counted against the next.
const (
	settle = 5 * time.Millisecond
	// settleMigration is for runs that move a process between cgroups. The first move waits for an
	// RCU grace period (rcu_sync of cgroup_threadgroup_rwsem); one that follows within some
	// 20 ms does not, and a user's run hardly ever follows another that soon.
	settleMigration = 60 * time.Millisecond
)

// A contender that hangs, or a machine that is busy, must not hang the benchmark.
const (
	runLimit   = 20 * time.Second // for one run
	tableLimit = 90 * time.Second // for a table: after it, there are fewer runs than asked for
)

// contender is one way to start a container.
type contender struct {
	Name string
	Args []string
	// Before is done ahead of each run, unmeasured.
	Before func() error
	// Measure, where set, is used in place of starting Args.
	Measure func(context.Context) (time.Duration, error)
	// Skip says why it cannot run here; "" means it can.
	Skip string
}

// result is what came of a contender.
type result struct {
	Name    string
	Samples []time.Duration
	Skip    string
	Failed  string
}

func (r *result) ok() bool { return r != nil && len(r.Samples) > 0 && r.Failed == "" }

func (r *result) min() time.Duration { return slices.Min(r.Samples) }

func (r *result) median() time.Duration {
	s := slices.Sorted(slices.Values(r.Samples))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// race measures the contenders in interleaved rounds, with a pause before each run. Three rounds warm up, uncounted;
// a contender that fails is taken out with its message.
func race(ctx context.Context, env []string, runs int, pause time.Duration, contenders []contender) []result {
	const warm = 3
	results := make([]result, len(contenders))
	for i, c := range contenders {
		results[i] = result{Name: c.Name, Skip: c.Skip}
	}
	end := time.Now().Add(tableLimit)
	for round := range runs + warm {
		if round > warm && time.Now().After(end) || ctx.Err() != nil {
			break
		}
		for _, i := range rand.Perm(len(contenders)) {
			r := &results[i]
			if r.Skip != "" || r.Failed != "" {
				continue
			}
			time.Sleep(pause)
			took, err := contenders[i].once(ctx, env)
			switch {
			case err != nil:
				r.Failed = err.Error()
			case round >= warm:
				r.Samples = append(r.Samples, took)
			}
		}
	}
	return results
}

// once runs a contender and says how long it took from fork to wait.
func (c *contender) once(ctx context.Context, env []string) (time.Duration, error) {
	if c.Before != nil {
		if err := c.Before(); err != nil {
			return 0, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	if c.Measure != nil {
		return c.Measure(ctx)
	}
	// A file, not a pipe: a pipe is read by a goroutine and closed by the last grandchild.
	stderr, err := os.CreateTemp("", "bench")
	if err != nil {
		return 0, err
	}
	defer stderr.Close()
	defer os.Remove(stderr.Name())
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env = env
	cmd.Stderr = stderr
	start := time.Now()
	err = cmd.Run()
	took := time.Since(start)
	if err != nil {
		said, _ := os.ReadFile(stderr.Name())
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(c.Args, " "), err, firstLine(said))
	}
	return took, nil
}

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	return string(line)
}

// peer is a contender that is skipped by name where its program is not installed.
func peer(name string, args ...string) contender {
	c := contender{Name: name, Args: args}
	if _, err := exec.LookPath(args[0]); err != nil {
		c.Skip = args[0] + " is not installed"
	}
	return c
}

// skipped is c with a reason not to run it, if there is one.
func (c contender) skipped(reason error) contender {
	if reason != nil && c.Skip == "" {
		c.Skip = reason.Error()
	}
	return c
}

var errNoManager = errors.New("no systemd --user here")
