package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The context that is copied: as many directories as there are COPYs.
const (
	contextParts = 5
	contextFiles = 20 // in each
	contextFile  = 4 << 20
	contextTag   = "bench-context"
	// contextAge is how old files must be for their digests to be remembered, and more.
	contextAge = 3 * time.Second
)

const (
	nameFirst         = "rc build, the first"
	namePodmanFirst   = "podman build (buildah), the first"
	nameRebuild       = "rc build, nothing changed"
	namePodmanRebuild = "podman build (buildah), nothing changed"
	nameChanged       = "rc build, one file of the last COPY changed"
	namePodmanChanged = "podman build (buildah), the same"
	nameMany          = "rc build, 100,000 files"
)

// buildMemory is the limit of rc's largest process, in bytes.
const buildMemory = 150 << 20

// copies writes a context of 400 MB, and a Dockerfile of 5 COPYs.
func (g *ground) copies() (string, error) {
	lines := []string{"FROM scratch"}
	for i := range contextParts {
		lines = append(lines, fmt.Sprintf("COPY part%d /part%d", i, i))
	}
	dir, err := g.dockerfile(contextTag, lines...)
	data := make([]byte, contextFile)
	for i := 0; i < contextParts && err == nil; i++ {
		part := filepath.Join(dir, fmt.Sprintf("part%d", i))
		err = os.MkdirAll(part, 0o755)
		for j := 0; j < contextFiles && err == nil; j++ {
			_, _ = rand.Read(data) // it never fails
			err = os.WriteFile(filepath.Join(part, fmt.Sprintf("file%d", j)), data, 0o644)
		}
	}
	time.Sleep(contextAge)
	return dir, err
}

// cached is a build that uses what those before it have left.
func cached(dir string) []string { return []string{"build", "-q", "--layers", "-t", contextTag, dir} }

// tableFirst builds with nothing in any cache.
func tableFirst(ctx context.Context, g *ground, o options) table {
	dir, err := g.copies()
	defer os.RemoveAll(dir)
	defer g.removeBuilt(contextTag)
	forget := func() error { g.removeBuilt(contextTag); return nil }
	results := race(ctx, g.env, heavy(o.runs), []contender{
		contender{Name: nameFirst, Before: forget, Args: g.rcArgs(cached(dir)...)}.skipped(g.rcErr).after(err),
		contender{Name: namePodmanFirst, Before: forget, Args: podmanArgs(cached(dir)...)}.skipped(g.podmanErr).after(err),
	})
	return times("First build of 5 COPYs of 80 MB each", nameFirst, results, []bound{atMost(nameFirst, 0.4, namePodmanFirst)})
}

// tableAgain builds what was built before: unchanged, and with one file changed.
func tableAgain(ctx context.Context, g *ground, o options) table {
	dir, err := g.copies()
	defer os.RemoveAll(dir)
	defer g.removeBuilt(contextTag)
	rc, podman := g.rcArgs(cached(dir)...), podmanArgs(cached(dir)...)
	again := func(args []string) func() error {
		return func() error {
			_, err := g.output(ctx, args)
			return err
		}
	}
	n := 0
	change := func() error {
		n++
		name := filepath.Join(dir, fmt.Sprintf("part%d", contextParts-1), "file0")
		return os.WriteFile(name, fmt.Appendf(nil, "change %d", n), 0o644)
	}
	then := func(first, second func() error) func() error {
		return func() error { return errors.Join(first(), second()) }
	}
	results := race(ctx, g.env, heavy(o.runs), []contender{
		contender{Name: nameRebuild, Before: again(rc), Args: rc}.skipped(g.rcErr).after(err),
		contender{Name: namePodmanRebuild, Before: again(podman), Args: podman}.skipped(g.podmanErr).after(err),
		contender{Name: nameChanged, Before: then(again(rc), change), Args: rc}.skipped(g.rcErr).after(err),
		contender{Name: namePodmanChanged, Before: then(again(podman), change), Args: podman}.skipped(g.podmanErr).after(err),
	})
	return times("Build of 5 COPYs of 80 MB each, built before", nameRebuild, results, []bound{
		within(nameRebuild, 300*time.Millisecond, namePodmanRebuild, 3300*time.Millisecond), atMost(nameRebuild, 0.1, namePodmanRebuild),
		within(nameChanged, 500*time.Millisecond, namePodmanRebuild, 3300*time.Millisecond),
	})
}

// tableBuildMemory looks at rc's largest process: 400 MB, and many files.
func tableBuildMemory(ctx context.Context, g *ground) table {
	t := table{Title: "Peak memory of a build", Head: []string{"what", "peak MiB of the largest process", "limit", ""}}
	if g.rcErr != nil {
		t.Notes = append(t.Notes, "skipped: "+g.rcErr.Error())
		return t
	}
	for _, c := range []struct {
		name string
		make func() (string, error)
	}{{nameFirst, g.copies}, {nameMany, g.manyFiles}} {
		dir, err := c.make()
		var peak int
		if err == nil {
			peak, err = peakOf(ctx, g, "rc-image", g.rcArgs(cached(dir)...))
		}
		g.removeBuilt(contextTag)
		os.RemoveAll(dir)
		if err != nil {
			t.Rows = append(t.Rows, []string{c.name, "-", "", t.verdict(false)})
			t.Notes = append(t.Notes, c.name+": "+err.Error())
			continue
		}
		t.Rows = append(t.Rows, []string{
			c.name, fmt.Sprintf("%.0f", float64(peak)/1024), fmt.Sprintf("≤ %d", buildMemory>>20), t.verdict(peak<<10 <= buildMemory),
		})
	}
	return t
}

// manyFiles writes a context of 100,000 files.
func (g *ground) manyFiles() (string, error) {
	const dirs, files = 200, 500
	dir, err := g.dockerfile(contextTag+"-many", "FROM scratch", "COPY src /src")
	text := make([]byte, 3000)
	for i := 0; i < dirs && err == nil; i++ {
		sub := filepath.Join(dir, "src", fmt.Sprintf("d%d", i%20), fmt.Sprintf("e%d", i))
		err = os.MkdirAll(sub, 0o755)
		for j := 0; j < files && err == nil; j++ {
			err = os.WriteFile(filepath.Join(sub, fmt.Sprintf("file%d", j)), text[:i*j%len(text)], 0o644)
		}
	}
	return dir, err
}
