package main

import (
	"context"
	"fmt"
	"time"
)

// tableParallel starts many containers at once. Samples are of one container: the time of all by their number.
func tableParallel(ctx context.Context, g *ground, o options) table {
	const rc, podman = 100, 50
	name := func(what string, n int) string { return fmt.Sprintf("%s, %d at once", what, n) }
	plain := []string{"--cgroups", "disabled"}
	atOnce := func(c contender, n int) contender {
		args := c.Args
		c.Name = name(c.Name, n)
		c.Measure = func(ctx context.Context) (time.Duration, error) {
			took, err := timedAll(ctx, g.env, n, args)
			return took / time.Duration(n), err
		}
		return c
	}
	const rcRun, rcPlain = "rc run --rm", "rc run --rm --cgroups disabled"
	const podmanRun, podmanPlain = "podman run --rm", "podman run --rm --cgroups disabled"
	results := race(ctx, g.env, heavy(o.runs), []contender{
		atOnce(g.rc(rcRun, nil), rc),
		atOnce(peer(podmanRun, podmanNew("run", "--rm", "alpine", "true")...).skipped(g.podmanErr), podman),
		atOnce(g.rc(rcPlain, nil, plain...), rc),
		atOnce(g.podman(podmanPlain, "cgroupfs", plain...), podman),
	})
	t := times("`run --rm alpine true`, many at once: time for each", name(rcRun, rc), results, []bound{
		fasterThan(name(rcRun, rc), 5, name(podmanRun, podman)),
		fasterThan(name(rcPlain, rc), 5, name(podmanPlain, podman)),
	})
	for _, r := range results {
		if r.ok() {
			t.Notes = append(t.Notes, fmt.Sprintf("%s: %.0f containers a second.", r.Name, 1/r.median().Seconds()))
		}
	}
	if left, err := g.output(ctx, g.rcArgs("ps", "-aq")); g.rcErr == nil && (err != nil || left != "") {
		t.Notes = append(t.Notes, fmt.Sprintf("failed: left behind: %q %v", left, err))
		t.Missed++
	}
	return t
}
