package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	nameCommit       = "rc commit, 1,000 files changed"
	namePodmanCommit = "podman commit, the same"

	bigImage  = "bench-big"
	manyNames = 200
	// podmanImagesThen is what podman needs for some hundred images where the limit was set.
	podmanImagesThen = 500 * time.Millisecond
)

// tableCommit makes images of a container with little changed in a large image.
func tableCommit(ctx context.Context, g *ground, o options) table {
	const name = "bench-commit"
	change := []string{bigImage, "sh", "-c", "i=0; while [ $i -lt 1000 ]; do echo $i > /changed-$i; i=$((i+1)); done"}
	archive := filepath.Join(g.work, "big.tar")
	defer os.Remove(archive)
	made := g.bigArchive(ctx, archive)
	prepare := func(args func(...string) []string, run []string, reason error) error {
		if reason != nil {
			return nil //nolint:nilerr // it is skipped by that reason
		}
		_, err := g.output(ctx, args("import", "-q", archive, bigImage))
		if err == nil {
			_, err = g.output(ctx, append(run, change...))
		}
		return errors.Join(made, err)
	}
	rcErr := prepare(g.rcArgs, g.rcNew("--name", name), g.rcErr)
	podmanErr := prepare(podmanArgs, podmanNew("run", "--name", name), g.podmanErr)
	defer func() {
		g.clear()
		g.removeImages(bigImage)
	}()
	results := race(ctx, g.env, heavy(o.runs), []contender{
		contender{Name: nameCommit, Args: g.rcArgs("commit", "-q", name)}.skipped(g.rcErr).after(rcErr),
		contender{Name: namePodmanCommit, Args: podmanArgs("commit", "-q", name)}.skipped(g.podmanErr).after(podmanErr),
	})
	return times("A container's changes become an image of 1 GiB", nameCommit, results, []bound{atMost(nameCommit, 0.2, namePodmanCommit)})
}

// removeImages removes one image of both, and those without a name.
func (g *ground) removeImages(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	for _, args := range [][]string{g.rcArgs("rmi", "-f", name), g.rcArgs("image", "prune", "-f"), podmanArgs("rmi", "-f", name), podmanArgs("image", "prune", "-f")} {
		_, _ = g.output(ctx, args)
	}
}

// pipe gives a command what write writes.
func (g *ground) pipe(ctx context.Context, write func(io.Writer) error, args []string) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(w)) }()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env, cmd.Stdin = g.env, r
	out, err := cmd.CombinedOutput()
	r.Close()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, firstLine(out))
	}
	return nil
}

// tableImages lists many images.
func tableImages(ctx context.Context, g *ground, o options) table {
	root := filepath.Join(g.work, "many-images")
	rc := func(args ...string) []string { return g.rcArgs(append([]string{"--root", root}, args...)...) }
	var rcErr error
	if g.rcErr == nil {
		_, rcErr = g.importMany(ctx, rc, "rc", time.Hour)
	}
	made, podmanErr := 0, error(nil)
	if g.podmanErr == nil {
		made, podmanErr = g.importMany(ctx, podmanArgs, "podman", tableLimit/2)
	}
	defer func() {
		_, _ = g.output(context.WithoutCancel(ctx), rc("system", "reset", "-f"))
		_, _ = g.output(context.WithoutCancel(ctx), append(podmanArgs("rmi", "-f"), namesOf("podman", made)...))
	}()
	nameRC, namePodman := fmt.Sprintf("rc images, %d of them", manyNames), fmt.Sprintf("podman images, %d of them", made)
	results := race(ctx, g.env, brisk(o.runs, settle), []contender{
		contender{Name: nameRC, Args: rc("images")}.skipped(g.rcErr).after(rcErr),
		contender{Name: namePodman, Args: podmanArgs("images")}.skipped(g.podmanErr).after(podmanErr),
	})
	return times("Images", nameRC, results, []bound{within(nameRC, 20*time.Millisecond, namePodman, podmanImagesThen)})
}

func namesOf(prefix string, n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("localhost/%s-%d:1", prefix, i))
	}
	return names
}

// importMany makes small images, as many as there is time for.
func (g *ground) importMany(ctx context.Context, args func(...string) []string, prefix string, limit time.Duration) (int, error) {
	end := time.Now().Add(limit)
	for i, name := range namesOf(prefix, manyNames) {
		if time.Now().After(end) {
			return i, nil
		}
		write := func(w io.Writer) error {
			t := tar.NewWriter(w)
			err := t.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644})
			return errors.Join(err, t.Close())
		}
		if err := g.pipe(ctx, write, args("import", "-q", "-c", "LABEL=n="+name, "-", name)); err != nil {
			return i, err
		}
	}
	return manyNames, nil
}
