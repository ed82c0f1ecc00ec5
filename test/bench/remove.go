package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

const (
	nameRmSmall  = "rc rm, nothing written"
	nameRmBig    = "rc rm, 1 GiB written"
	nameRmFreed  = "its files are deleted, in the background"
	namePodmanRm = "podman rm, 1 GiB written"
)

// writeGiB is a container's command.
var writeGiB = []string{"alpine", "dd", "if=/dev/zero", "of=/big", "bs=1048576", "count=1024"}

// tableRm removes many containers at once, and a big one.
func tableRm(ctx context.Context, g *ground, o options) table {
	all, bounds := g.removeAll(ctx, o)
	t := times("`rm -fa` of containers that do not run: time for each", all[0].Name, all, bounds)
	big := times("", nameRmSmall, g.removeBig(ctx, o), []bound{atMost(nameRmBig, 2, nameRmSmall)})
	t.Rows = append(t.Rows, big.Rows...)
	t.Notes = append(t.Notes, big.Notes...)
	t.Notes = append(t.Notes, "Ratios of the rows of one container each are to "+nameRmSmall+".")
	t.Missed += big.Missed
	return t
}

// removeAll measures rm -fa; samples are of one container, so that numbers of containers may differ.
func (g *ground) removeAll(ctx context.Context, o options) ([]result, []bound) {
	const n = 100
	made, podman := 0, error(nil)
	if g.podmanErr == nil {
		made, podman = g.stoppedPodman(ctx, n)
	}
	nameRC := fmt.Sprintf("rc rm -fa, %d stopped", n)
	namePodman := fmt.Sprintf("podman rm -fa, %d created", made)
	removal := func(make func(context.Context) (int, error), args []string) func(context.Context) (time.Duration, error) {
		return func(ctx context.Context) (time.Duration, error) {
			n, err := make(ctx)
			if err != nil || n == 0 {
				return 0, errors.Join(err, ctx.Err())
			}
			took, err := timed(ctx, g.env, args)
			return took / time.Duration(n), err
		}
	}
	stoppedRC := func(ctx context.Context) (int, error) { return n, g.stoppedRC(ctx, n) }
	stoppedPodman := func(ctx context.Context) (int, error) { return g.stoppedPodman(ctx, made) }
	results := race(ctx, g.env, heavy(o.runs), []contender{
		contender{Name: nameRC, Measure: removal(stoppedRC, g.rcArgs("rm", "-fa"))}.skipped(g.rcErr),
		contender{Name: namePodman, Measure: removal(stoppedPodman, podmanArgs("rm", "-fa"))}.skipped(g.podmanErr).after(podman),
	})
	return results, []bound{fasterThan(nameRC, 10, namePodman)}
}

// removeBig measures rm of a container that has written 1 GiB, and when its files are gone.
func (g *ground) removeBig(ctx context.Context, o options) []result {
	const name = "bench-big"
	freed := result{Name: nameRmFreed}
	rm := func(command ...string) func(context.Context) (time.Duration, error) {
		return func(ctx context.Context) (time.Duration, error) {
			if _, err := g.output(ctx, g.rcNew(append([]string{"--name", name}, command...)...)); err != nil {
				return 0, err
			}
			if err := g.written(ctx); err != nil {
				return 0, err
			}
			took, err := timed(ctx, g.env, g.rcArgs("rm", name))
			if err != nil {
				return 0, err
			}
			gone := time.Now()
			left, err := g.output(ctx, g.rcArgs("ps", "-aq", "--filter", "name="+name))
			if err != nil || left != "" {
				return 0, errors.Join(fmt.Errorf("%s is there after rm: %q", name, left), err)
			}
			if err := g.trashEmpty(ctx); err != nil {
				return 0, err
			}
			if command[1] == writeGiB[1] {
				freed.Samples = append(freed.Samples, time.Since(gone))
			}
			return took, nil
		}
	}
	podman := func(ctx context.Context) (time.Duration, error) {
		if _, err := g.output(ctx, podmanNew("run", append([]string{"--name", name}, writeGiB...)...)); err != nil {
			return 0, err
		}
		if err := g.written(ctx); err != nil {
			return 0, err
		}
		return timed(ctx, g.env, podmanArgs("rm", name))
	}
	results := race(ctx, g.env, heavy(o.runs), []contender{
		contender{Name: nameRmSmall, Measure: rm("alpine", "true")}.skipped(g.rcErr),
		contender{Name: nameRmBig, Measure: rm(writeGiB...)}.skipped(g.rcErr),
		contender{Name: namePodmanRm, Measure: podman}.skipped(g.podmanErr),
	})
	if freed.Skip = ""; g.rcErr != nil {
		freed.Skip = g.rcErr.Error()
	}
	return append(results, freed)
}

// written waits until what a container has written is on disk. Its shim is there until then (the
// kernel writes it when the root filesystem is unmounted), and rm waits for that.
func (g *ground) written(ctx context.Context) error {
	err := g.command(ctx, "sync", "--file-system", g.work)
	time.Sleep(settleMigration)
	return err
}

// trashEmpty waits until what has been removed is deleted.
func (g *ground) trashEmpty(ctx context.Context) error {
	for {
		left, err := os.ReadDir(g.data().TrashDir())
		if errors.Is(err, os.ErrNotExist) || err == nil && len(left) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not emptied: %s: %w", g.data().TrashDir(), strings.TrimSpace(fmt.Sprint(left)), ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}
