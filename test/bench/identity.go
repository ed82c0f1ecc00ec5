package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	nameBigFuse       = "rc, fuse-overlayfs"
	nameBigKeepID     = "rc --userns keep-id, first run of the image"
	nameBigAuto       = "rc --userns auto, first run of the image"
	nameBigPodman     = "podman, overlay"
	nameBigPodmanKeep = "podman --userns keep-id, overlay, first run of the image"
)

// The image of tableIdentity: 1 GiB.
const (
	bigFiles = 4096
	bigSize  = 256 << 10
)

// tableIdentity runs a large image for the first time under other ids: who copies it does so then.
func tableIdentity(ctx context.Context, g *ground) table {
	archive := filepath.Join(g.work, "big.tar")
	var fuse error
	if _, err := exec.LookPath("fuse-overlayfs"); err != nil {
		fuse = errors.New("fuse-overlayfs is not installed")
	}
	made := g.bigArchive(ctx, archive)
	defer os.Remove(archive)
	const image = "bench-big"
	again := func(remove, load []string) func() error {
		return func() error {
			_, _ = g.output(ctx, remove) // it is not there the first time
			_, err := g.output(ctx, load)
			unix.Sync() // whoever unmounts would write all that to the disk
			return err
		}
	}
	// A store of its own: Debian's podman takes vfs by itself, which copies the image for every run.
	store := filepath.Join(g.work, "big-podman")
	overlay := func(args ...string) []string {
		return podmanArgs(append([]string{"--root", store, "--runroot", store + ".run", "--storage-driver", "overlay"}, args...)...)
	}
	remove, podmanRemove := g.rcArgs("rmi", "-f", image), overlay("rmi", "-f", image)
	if made == nil {
		if g.rcErr == nil {
			made = again(remove, g.rcArgs("import", archive, image))()
		}
		if g.podmanErr == nil {
			made = errors.Join(made, again(podmanRemove, overlay("import", "-q", archive, image))())
		}
	}
	rc := func(name string, flags ...string) contender {
		global := []string{"--storage-opt", "mount_program=fuse-overlayfs"}
		args := g.rcArgs(append(append(global, "run", "--rm", "--network", "none"), append(flags, image, "true")...)...)
		c := contender{Name: name, Args: args}
		if len(flags) > 0 {
			c.Before = again(remove, g.rcArgs("import", archive, image))
		}
		return c.skipped(g.rcErr).skipped(fuse).after(made)
	}
	podman := func(name string, flags ...string) contender {
		limits := "--pids-limit=0"
		if managerError() != nil {
			limits = "--cgroups=disabled"
		}
		c := peer(name, overlay(append(append([]string{"run", "--rm", "--network", "none", limits}, flags...), image, "true")...)...)
		if len(flags) > 0 {
			c.Before = again(podmanRemove, overlay("import", "-q", archive, image))
		}
		return c.skipped(g.podmanErr).after(made)
	}
	defer func() {
		ctx := context.WithoutCancel(ctx)
		_, _ = g.output(ctx, remove)
		_, _ = g.output(ctx, []string{"podman", "unshare", "rm", "-rf", store, store + ".run"})
	}()
	results := race(ctx, g.env, heavy(3), []contender{
		rc(nameBigFuse),
		rc(nameBigKeepID, "--userns", "keep-id"),
		rc(nameBigAuto, "--userns", "auto"),
		podman(nameBigPodman),
		podman(nameBigPodmanKeep, "--userns", "keep-id"),
	})
	return times(fmt.Sprintf("First run of an image of 1 GiB in %d files under other ids", bigFiles), nameBigFuse, results, []bound{
		atMost(nameBigKeepID, 1.5, nameBigFuse),
		atMost(nameBigAuto, 1.5, nameBigFuse),
	})
}

// bigArchive packs the small root filesystem with files that make it large.
func (g *ground) bigArchive(ctx context.Context, archive string) error {
	dir := filepath.Join(g.work, "big")
	defer os.RemoveAll(dir)
	if err := g.command(ctx, "cp", "-a", g.rootfs, dir); err != nil {
		return err
	}
	content := make([]byte, bigSize)
	for n := range bigFiles {
		copy(content, fmt.Sprint(n)) // no two are the same
		path := filepath.Join(dir, "data", fmt.Sprint(n/64), fmt.Sprint(n))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return g.command(ctx, "tar", "-C", dir, "--owner=0", "--group=0", "--numeric-owner", "-cf", archive, ".")
}
