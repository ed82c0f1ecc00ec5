package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Names of contenders that limits refer to.
const (
	nameCrun       = "crun, one-id map, prepared bundle"
	nameDisabled   = "rc --cgroups disabled"
	nameFuse       = "rc --cgroups disabled, fuse-overlayfs"
	namePodman     = "podman + crun, no cgroups"
	nameDelegated  = "rc in a unit with Delegate=yes"
	nameSession    = "rc from a login session"
	nameScope      = "bare StartTransientUnit, waited for"
	namePodmanUnit = "podman + crun, systemd cgroup manager"
	nameWarm       = "warm rc"
	nameCold       = "rc, empty runtime directory"
)

// rc is a contender that runs `true` in the image by rc.
func (g *ground) rc(name string, global []string, flags ...string) contender {
	args := append([]string{filepath.Join(g.bin, "rc")}, global...)
	args = append(args, "run", "--rm", "--network", "none")
	args = append(args, flags...)
	return contender{Name: name, Args: append(args, "alpine", "true")}.skipped(g.rcErr)
}

func (g *ground) podman(name, manager string, flags ...string) contender {
	args := []string{"podman", "--runtime", "crun", "--cgroup-manager", manager, "run", "--rm", "--network", "none"}
	return peer(name, append(append(args, flags...), "alpine", "true")...).skipped(g.podmanErr)
}

func (g *ground) crun() contender {
	return peer(nameCrun, "crun", "--cgroup-manager=disabled", "run", "--bundle", g.bundle, fmt.Sprintf("bench-%d", os.Getpid()))
}

func (g *ground) plain() []contender {
	fuse := g.rc(nameFuse, []string{"--storage-opt", "mount_program=fuse-overlayfs"}, "--cgroups", "disabled")
	if _, err := exec.LookPath("fuse-overlayfs"); err != nil {
		fuse = fuse.skipped(errors.New("fuse-overlayfs is not installed"))
	}
	return []contender{
		g.crun(),
		peer("runc, one-id map, prepared bundle", "runc", "--rootless=true", "run", "--bundle", g.bundle, fmt.Sprintf("bench-runc-%d", os.Getpid())),
		peer("bwrap, one-id map, no image", "bwrap", "--bind", g.rootfs, "/", "--proc", "/proc", "--dev", "/dev", "--unshare-all", "true"),
		peer("unshare --map-auto, nothing else", "unshare", "--map-root-user", "--map-auto", "true"),
		g.rc(nameDisabled, nil, "--cgroups", "disabled"),
		fuse,
		g.podman(namePodman, "cgroupfs", "--cgroups=disabled"),
	}
}

// measureAll runs every table, prints each when it is finished, and counts missed limits.
func measureAll(ctx context.Context, g *ground, o options) (int, error) {
	missed := 0
	step := func(name string, measure func() table) {
		if strings.Contains(name, o.only) && ctx.Err() == nil {
			start := time.Now()
			t := measure()
			missed += t.write(os.Stdout)
			fmt.Fprintf(os.Stderr, "bench: %s: %.0f s\n", name, time.Since(start).Seconds())
		}
	}
	step("without a cgroup", func() table {
		return tablePlain(race(ctx, g.env, brisk(o.runs, settle), g.plain()))
	})
	step("in a unit with Delegate=yes", func() table { return tableUnit(g.inUnit(ctx, o)) })
	step("from a login session", func() table {
		return tableSession(race(ctx, g.env, brisk(o.runs, settleMigration), g.session()))
	})
	step("first run after boot", func() table {
		contenders := g.cold()
		defer contenders[1].Before() // nothing stays
		return tableCold(race(ctx, g.env, brisk(o.runs, settle), contenders))
	})
	step("exec", func() table { return tableExec(ctx, g, o) })
	step("detach", func() table { return tableDetach(ctx, g, o) })
	step("parallel", func() table { return tableParallel(ctx, g, o) })
	step("ps", func() table { return tablePs(ctx, g, o) })
	step("completion", func() table { return tableCompletion(ctx, g, o) })
	step("rm", func() table { return tableRm(ctx, g, o) })
	step("many", func() table { return tableMany(ctx, g, o.many) })
	step("program start", func() table { return tableInit(ctx, g) })
	step("idle memory", func() table { return tableIdle(ctx, g, o.idle) })
	step("size", func() table { return tableSize(g) })
	step("logs", func() table { return tableLogs(ctx, g) })
	step("identity", func() table { return tableIdentity(ctx, g) })
	step("bridge", func() table { return tableBridge(ctx, g, o) })
	step("names", func() table { return tableNames(ctx, g, o) })
	step("cycles", func() table { return tableCycles(ctx, g, o.cycles) })
	step("bridge: traffic", func() table { return tableBridgeTraffic(ctx, g, o) })
	step("pull", func() table { return tablePull(ctx, g, o) })
	step("pull: memory", func() table { return tablePullMemory(ctx, g) })
	step("commit", func() table { return tableCommit(ctx, g, o) })
	step("images", func() table { return tableImages(ctx, g, o) })
	step("build: steps", func() table { return tableSteps(ctx, g, o) })
	step("build: stages", func() table { return tableStages(ctx, g, o) })
	step("build: context", func() table { return tableFirst(ctx, g, o) })
	step("build: context, again", func() table { return tableAgain(ctx, g, o) })
	step("build: memory", func() table { return tableBuildMemory(ctx, g) })
	step("push", func() table { return tablePush(ctx, g, o) })
	step("network: start", func() table { return tableNetStart(ctx, g, o) })
	step("network: out", func() table { return tableNetOut(ctx, g, o) })
	step("network: in", func() table { return tableNetIn(ctx, g, o) })
	step("network: udp", func() table { return tableNetDatagrams(ctx, g, o) })
	step("network: dial", func() table { return tableNetDial(ctx, g, o) })
	step("network: accept", func() table { return tableNetAccept(ctx, g, o) })
	return missed, ctx.Err()
}

// session is a login session: only systemd can move a process from it into a scope.
func (g *ground) session() []contender {
	bare := contender{Name: nameScope, Measure: bareScope}.skipped(managerError())
	return []contender{
		g.rc(nameDisabled, nil, "--cgroups", "disabled"),
		bare,
		g.rc(nameSession, nil).skipped(managerError()),
		// Its default limit of processes would need the pids controller, which not every host delegates.
		g.podman(namePodmanUnit, "systemd", "--pids-limit=0").skipped(managerError()),
	}
}

// cold compares with the first run after boot: nothing in the runtime directory, which is one of
// our own. (The page cache stays warm: emptying it takes root.)
func (g *ground) cold() []contender {
	runtime := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), fmt.Sprintf("rc-bench-%d", os.Getpid()))
	global := []string{"--runroot", runtime}
	warm := g.rc(nameWarm, global, "--cgroups", "disabled")
	first := g.rc(nameCold, global, "--cgroups", "disabled")
	first.Before = func() error { return os.RemoveAll(runtime) }
	if os.Getenv("XDG_RUNTIME_DIR") == "" {
		reason := errors.New("no XDG_RUNTIME_DIR")
		return []contender{warm.skipped(reason), first.skipped(reason)}
	}
	return []contender{warm, first}
}

// unitContenders are measured inside a unit that the user owns, cgroup and all.
func (g *ground) unitContenders() []contender {
	return []contender{g.crun(), g.rc(nameDisabled, nil, "--cgroups", "disabled"), g.rc(nameDelegated, nil)}
}

// measureUnit is bench -unit: samples as JSON on standard output.
func measureUnit(ctx context.Context, g *ground, o options) error {
	return json.NewEncoder(os.Stdout).Encode(race(ctx, g.env, brisk(o.runs, settle), g.unitContenders()))
}

// inUnit starts this program again as a service of the user manager with Delegate=yes.
func (g *ground) inUnit(ctx context.Context, o options) []result {
	fail := func(err error) []result {
		var results []result
		for _, c := range g.unitContenders() {
			results = append(results, result{Name: c.Name, Skip: err.Error()})
		}
		return results
	}
	if err := managerError(); err != nil {
		return fail(err)
	}
	self, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "systemd-run", "--user", "--quiet", "--wait", "--pipe", "--collect",
		"-p", "Delegate=yes", self, "-unit", "-dir", o.dir, "-bin", o.bin, "-runs", fmt.Sprint(o.runs))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fail(fmt.Errorf("systemd-run: %w", err))
	}
	var results []result
	if err := json.Unmarshal(out, &results); err != nil {
		return fail(fmt.Errorf("read samples: %w", err))
	}
	return results
}
