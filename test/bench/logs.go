package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a container prints into its log, and how much faster than conmon the shim is to take it.
const (
	logBytes  = 200 << 20
	logRounds = 5
	logFactor = 2.0
)

// logContender runs containers that print.
type logContender struct {
	name    string
	program []string // with its global options
	wait    []string
	skip    string
	failed  error
	samples []time.Duration
}

// tableLogs measures run -d and wait of a container that prints lines of 100 bytes as fast as it can,
// into a k8s-file.
func tableLogs(ctx context.Context, g *ground) table {
	rc := &logContender{name: "rc-shim", program: []string{filepath.Join(g.bin, "rc")}, wait: []string{"wait"}}
	podman := &logContender{
		name: "conmon (podman)", program: []string{"podman", "--runtime", "crun", "--cgroup-manager", "cgroupfs"},
		wait: []string{"wait", "--interval", "10ms"}, // it asks again and again
	}
	if g.rcErr != nil {
		rc.skip = g.rcErr.Error()
	}
	if err := g.command(ctx, "podman", "image", "exists", "alpine"); err != nil {
		podman.skip = err.Error()
	}
	contenders := []*logContender{rc, podman}
	for round := range logRounds {
		for i := range contenders {
			contenders[(i+round)%len(contenders)].once(ctx, g, round)
		}
	}
	t := table{
		Title: fmt.Sprintf("%d MiB of lines of 100 bytes into a k8s-file", logBytes>>20),
		Head:  []string{"what", "runs", "min s", "median s", "MB/s", "limit", ""},
	}
	for _, c := range contenders {
		row := []string{c.name, "-", "-", "-", "-", "", ""}
		switch r := (result{Samples: c.samples}); {
		case c.failed != nil:
			row[6] = t.verdict(false)
			t.Notes = append(t.Notes, c.name+": failed: "+c.failed.Error())
		case c.skip != "":
			row[6] = "skipped"
			t.Notes = append(t.Notes, c.name+": skipped: "+c.skip)
		case len(c.samples) > 0:
			row = []string{c.name, strconv.Itoa(len(c.samples)), seconds(r.min()), seconds(r.median()), fmt.Sprintf("%.0f", logBytes/1e6/r.median().Seconds()), "", ""}
		}
		t.Rows = append(t.Rows, row)
	}
	if len(rc.samples) > 0 && len(podman.samples) > 0 {
		ratio := float64((&result{Samples: podman.samples}).median()) / float64((&result{Samples: rc.samples}).median())
		t.Rows[0][5], t.Rows[0][6] = fmt.Sprintf("%.2f ≥ %g × conmon", ratio, logFactor), t.verdict(ratio >= logFactor)
	}
	return t
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }

// once is one container from run to the end of wait. busybox's head -c would take a byte at a time, and be
// what is measured.
func (c *logContender) once(ctx context.Context, g *ground, round int) {
	if c.skip != "" || c.failed != nil || ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	const block = 64 << 10
	script := fmt.Sprintf("busybox yes %s | busybox dd bs=%d count=%d iflag=fullblock 2>/dev/null", strings.Repeat("x", 99), block, logBytes/block)
	name := fmt.Sprintf("bench-logs-%d-%d", os.Getpid(), round)
	call := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, c.program[0], append(slices.Clone(c.program[1:]), args...)...)
		cmd.Env = g.env
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("%s: %w", strings.Join(cmd.Args[1:], " "), err)
		}
		return out, err
	}
	start := time.Now()
	_, err := call("run", "-d", "--name", name, "--network", "none", "--cgroups", "disabled", "--log-driver", "k8s-file", "alpine", "sh", "-c", script)
	var code []byte
	if err == nil {
		code, err = call(append(slices.Clone(c.wait), name)...)
	}
	took := time.Since(start)
	if err == nil && strings.TrimSpace(string(code)) != "0" {
		err = fmt.Errorf("the container exited with %q", code)
	}
	_, removed := call("rm", "-f", name)
	if c.failed = cmp.Or(err, removed); c.failed == nil {
		c.samples = append(c.samples, took)
	}
}
