package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	nameSteps       = "rc build, 20 × RUN true"
	namePodmanSteps = "podman build (buildah), the same"
	nameStepsNet    = "rc build, the same with the default network"
	namePodmanNet   = "podman build, the same with the default network"
	nameStages      = "rc build, 8 independent stages"
	nameOneJob      = "rc build --jobs 1, the same"

	buildSteps  = 20
	buildStages = 8
	// stageLoops are rounds of a shell's loop: some tenths of a second of one processor.
	stageLoops = 200_000
)

// dockerfile writes a context that is nothing but that.
func (g *ground) dockerfile(name string, lines ...string) (string, error) {
	dir := filepath.Join(g.work, name)
	err := os.MkdirAll(dir, 0o755)
	return dir, errors.Join(err, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(strings.Join(lines, "\n")+"\n"), 0o644))
}

// anew is a build that uses nothing of those before, and has no network.
func anew(tag, dir string, flags ...string) []string {
	return connected(tag, dir, append([]string{"--network", "none"}, flags...)...)
}

// connected is one with the default network.
func connected(tag, dir string, flags ...string) []string {
	return append(append([]string{"build", "-q", "--no-cache", "-t", tag}, flags...), dir)
}

// tableSteps builds what is hardly anything but the start of containers.
func tableSteps(ctx context.Context, g *ground, o options) table {
	lines := []string{"FROM alpine"}
	for range buildSteps {
		lines = append(lines, "RUN true")
	}
	const tag = "bench-steps"
	dir, err := g.dockerfile(tag, lines...)
	defer g.removeBuilt(tag)
	results := race(ctx, g.env, heavy(o.runs), []contender{
		contender{Name: nameSteps, Args: g.rcArgs(anew(tag, dir)...)}.skipped(g.rcErr).after(err),
		contender{Name: namePodmanSteps, Args: podmanArgs(anew(tag, dir, "--layers")...)}.skipped(g.podmanErr).after(err),
		contender{Name: nameStepsNet, Args: g.rcArgs(connected(tag, dir)...)}.skipped(g.rcErr).after(err),
		contender{Name: namePodmanNet, Args: podmanArgs(connected(tag, dir, "--layers")...)}.skipped(g.podmanErr).after(err),
	})
	return times("Build of 20 steps that do nothing", nameSteps, results, []bound{atMost(nameSteps, 0.125, namePodmanSteps)})
}

// tableStages builds stages that need nothing of each other.
func tableStages(ctx context.Context, g *ground, o options) table {
	var lines []string
	for i := range buildStages {
		lines = append(lines, fmt.Sprintf("FROM alpine AS s%d", i),
			fmt.Sprintf("RUN i=0; while [ $i -lt %d ]; do i=$((i+1)); done; echo $i >/s%d", stageLoops, i))
	}
	lines = append(lines, "FROM alpine")
	for i := range buildStages {
		lines = append(lines, fmt.Sprintf("COPY --from=s%d /s%d /", i, i))
	}
	const tag = "bench-stages"
	dir, err := g.dockerfile(tag, lines...)
	defer g.removeBuilt(tag)
	results := race(ctx, g.env, heavy(o.runs), []contender{
		contender{Name: nameStages, Args: g.rcArgs(anew(tag, dir)...)}.skipped(g.rcErr).after(err),
		contender{Name: nameOneJob, Args: g.rcArgs(anew(tag, dir, "--jobs", "1")...)}.skipped(g.rcErr).after(err),
		contender{Name: "podman build --jobs 8, the same", Args: podmanArgs(anew(tag, dir, "--layers", "--jobs", "8")...)}.skipped(g.podmanErr).after(err),
	})
	return times("Build of 8 stages that need nothing of each other", nameStages, results, []bound{atMost(nameStages, 0.588, nameOneJob)})
}

// removeBuilt removes what a table has built, and rc's cache of it.
func (g *ground) removeBuilt(tag string) {
	g.removeImages(tag)
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	_, _ = g.output(ctx, g.rcArgs("builder", "prune", "-af"))
}
