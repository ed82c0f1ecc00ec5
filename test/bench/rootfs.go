package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// makeRootfs unpacks archive, or what busybox can stand for, into g.rootfs, and packs
// the same files into g.image.
func (g *ground) makeRootfs(ctx context.Context, archive string) error {
	if archive != "" {
		if err := g.command(ctx, "tar", "-C", g.rootfs, "--no-same-owner", "-xf", archive); err != nil {
			return err
		}
	} else if err := g.busyboxRootfs(ctx); err != nil {
		return err
	}
	return g.command(ctx, "tar", "-C", g.rootfs, "--owner=0", "--group=0", "--numeric-owner", "-cf", g.image, ".")
}

// busyboxRootfs makes the smallest root filesystem with a /bin/true.
func (g *ground) busyboxRootfs(ctx context.Context) error {
	busybox := "/bin/busybox"
	if err := exec.CommandContext(ctx, busybox, "true").Run(); err != nil {
		return fmt.Errorf("run %s (package busybox-static): %w", busybox, err)
	}
	for _, dir := range []string{"bin", "etc", "dev", "proc", "sys", "tmp", "root", "run"} {
		if err := os.MkdirAll(filepath.Join(g.rootfs, dir), 0o755); err != nil {
			return err
		}
	}
	if err := g.command(ctx, "cp", busybox, filepath.Join(g.rootfs, "bin", "busybox")); err != nil {
		return err
	}
	for _, applet := range []string{"true", "sh", "sleep", "cat", "dd"} {
		err := os.Symlink("busybox", filepath.Join(g.rootfs, "bin", applet))
		if err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return os.WriteFile(filepath.Join(g.rootfs, "etc", "passwd"), []byte("root:x:0:0:root:/root:/bin/sh\n"), 0o644)
}

// makeBundle writes config.json: what `crun spec --rootless` proposes, without a terminal and
// with a map of one id, so that no newuidmap is needed: the quickest that crun can be.
func (g *ground) makeBundle(ctx context.Context) error {
	path := filepath.Join(g.bundle, "config.json")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := exec.LookPath("crun"); err != nil {
		return nil //nolint:nilerr // it is skipped by name later
	}
	cmd := exec.CommandContext(ctx, "crun", "spec", "--rootless")
	cmd.Dir = g.bundle
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("crun spec: %w: %s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var spec specs.Spec
	if err := json.Unmarshal(data, &spec); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	spec.Process.Terminal = false
	spec.Process.Args = []string{"true"}
	spec.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: uint32(os.Getuid()), Size: 1}}
	spec.Linux.GIDMappings = []specs.LinuxIDMapping{{HostID: uint32(os.Getgid()), Size: 1}}
	data, err = json.Marshal(&spec)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// prepareRC imports the image into rc's store.
func (g *ground) prepareRC(ctx context.Context, there bool) error {
	if _, err := os.Stat(filepath.Join(g.bin, "rc")); err != nil {
		return errors.New("not built")
	}
	if there {
		return nil
	}
	return g.command(ctx, filepath.Join(g.bin, "rc"), "import", g.image, "alpine")
}

// preparePodman imports the image into podman's store.
func (g *ground) preparePodman(ctx context.Context) error {
	return g.command(ctx, "podman", "import", "-q", g.image, "alpine")
}

// command runs one command of the preparations.
func (g *ground) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = g.env
	cmd.Dir = g.work
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(append([]string{name}, args...), " "), err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}
