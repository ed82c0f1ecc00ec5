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

// pace is how often contenders are measured, and with what in between.
type pace struct {
	runs  int
	warm  int           // rounds ahead of those that count
	pause time.Duration // before each run
	limit time.Duration // for one run
}

// brisk is the pace of what takes milliseconds.
func brisk(runs int, pause time.Duration) pace {
	return pace{runs: runs, warm: 3, pause: pause, limit: runLimit}
}

// heavy is the pace of what takes seconds: few rounds show as much.
func heavy(runs int) pace {
	return pace{runs: min(runs, 3), pause: settleMigration, limit: 3 * runLimit}
}

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
	// Broken is why its preparations failed.
	Broken error
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

// race measures the contenders in interleaved rounds, with a pause before each run; rounds that warm up do not count.
// A contender that fails is taken out with its message.
func race(ctx context.Context, env []string, p pace, contenders []contender) []result {
	results := make([]result, len(contenders))
	for i, c := range contenders {
		results[i] = result{Name: c.Name, Skip: c.Skip}
		if c.Broken != nil && c.Skip == "" {
			results[i].Failed = c.Broken.Error()
		}
	}
	end := time.Now().Add(tableLimit)
	for round := range p.runs + p.warm {
		if round > p.warm && time.Now().After(end) || ctx.Err() != nil {
			break
		}
		for _, i := range rand.Perm(len(contenders)) {
			r := &results[i]
			if r.Skip != "" || r.Failed != "" {
				continue
			}
			time.Sleep(p.pause)
			took, err := contenders[i].once(ctx, env, p.limit)
			if strings.HasPrefix(r.Name, "podman") {
				afterPodman()
			}
			switch {
			case err != nil:
				r.Failed = err.Error()
			case round >= p.warm:
				r.Samples = append(r.Samples, took)
			}
		}
	}
	return results
}

// afterPodman waits for what conmon starts when a command has ended, podman container cleanup: it takes
// longer than what comes next, which it shall not be counted against.
func afterPodman() {
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(settle) {
		all, err := processes()
		busy := false
		for _, p := range all {
			busy = busy || p.name == "podman" && slices.Contains(p.args, "cleanup")
		}
		if err != nil || !busy {
			return
		}
	}
}

// once runs a contender and says how long it took.
func (c *contender) once(ctx context.Context, env []string, limit time.Duration) (time.Duration, error) {
	if c.Before != nil {
		if err := c.Before(); err != nil {
			return 0, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if c.Measure != nil {
		return c.Measure(ctx)
	}
	return timed(ctx, env, c.Args)
}

// timed runs a command and says how long it took from fork to wait.
func timed(ctx context.Context, env, args []string) (time.Duration, error) {
	return timedAll(ctx, env, 1, args)
}

// timedAll runs a command n times at once, and says how long it took from the first fork to the last wait.
func timedAll(ctx context.Context, env []string, n int, args []string) (time.Duration, error) {
	// A file, not a pipe: a pipe is read by a goroutine and closed by the last grandchild.
	stderr, err := os.CreateTemp("", "bench")
	if err != nil {
		return 0, err
	}
	defer stderr.Close()
	defer os.Remove(stderr.Name())
	commands := make([]*exec.Cmd, n)
	for i := range commands {
		commands[i] = exec.CommandContext(ctx, args[0], args[1:]...)
		commands[i].Env, commands[i].Stderr = env, stderr
	}
	start := time.Now()
	var failed []error
	for _, cmd := range commands {
		failed = append(failed, cmd.Start())
	}
	for i, cmd := range commands {
		if failed[i] == nil {
			failed[i] = cmd.Wait()
		}
	}
	took := time.Since(start)
	failed = slices.DeleteFunc(failed, func(err error) bool { return err == nil })
	if len(failed) > 0 {
		said, _ := os.ReadFile(stderr.Name())
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), failed[0], firstLine(said))
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

// after is c that fails for what went wrong before it, if anything did.
func (c contender) after(err error) contender {
	c.Broken = errors.Join(c.Broken, err)
	return c
}

var errNoManager = errors.New("no systemd --user here")
