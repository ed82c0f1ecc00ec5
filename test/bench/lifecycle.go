package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	nameNsenter    = "nsenter into the same namespaces"
	nameExec       = "rc exec"
	nameExecPodman = "podman exec"

	nameDetach            = "rc run -d"
	nameDetachPlain       = "rc run -d --cgroups disabled"
	nameDetachPodman      = "podman run -d"
	nameDetachPodmanPlain = "podman run -d --cgroups disabled"
)

// tableExec runs `true` in containers that sleep.
func tableExec(ctx context.Context, g *ground, o options) table {
	const name = "bench-exec"
	flags := append([]string{"-d", "--name", name}, sleeper...)
	remove := []string{"rm", "-f", "-t", "0", name}
	var rc, podman error
	var pid string
	if g.rcErr == nil {
		defer g.output(context.WithoutCancel(ctx), g.rcArgs(remove...))
		if _, rc = g.output(ctx, g.rcNew(flags...)); rc == nil {
			pid, rc = g.output(ctx, g.rcArgs("inspect", "--format", "{{.State.Pid}}", name))
		}
	}
	if g.podmanErr == nil {
		defer g.output(context.WithoutCancel(ctx), podmanArgs(remove...))
		_, podman = g.output(ctx, podmanNew("run", flags...))
	}
	results := race(ctx, g.env, brisk(o.runs, settle), []contender{
		peer(nameNsenter, "nsenter", "-t", pid, "-U", "-m", "-p", "-i", "-u", "-n", "true").skipped(g.rcErr).after(rc),
		contender{Name: nameExec, Args: g.rcArgs("exec", name, "true")}.skipped(g.rcErr).after(rc),
		peer(nameExecPodman, podmanArgs("exec", name, "true")...).skipped(g.podmanErr).after(podman),
	})
	return times("`exec CONTAINER true`", nameNsenter, results, []bound{
		atMost(nameExec, 2, nameNsenter),
		fasterThan(nameExec, 10, nameExecPodman),
	})
}

// tableDetach measures until the command has returned. The container sleeps, and is removed before
// the next one.
func tableDetach(ctx context.Context, g *ground, o options) table {
	const name = "bench-detach"
	plain := []string{"--cgroups", "disabled"}
	flags := append([]string{"-d", "--name", name}, sleeper...)
	podmanPlain := []string{"podman", "--runtime", "crun", "--cgroup-manager", "cgroupfs", "run", "--network", "none"}
	detach := func(contender contender, remove []string) contender {
		args := contender.Args
		contender.Measure = func(ctx context.Context) (time.Duration, error) {
			took, err := timed(ctx, g.env, args)
			if err == nil {
				_, err = g.output(ctx, append(remove, "-f", "-t", "0", name))
			}
			return took, err
		}
		return contender
	}
	rc := func(name string, more ...string) contender {
		c := contender{Name: name, Args: g.rcNew(slices.Concat(more, flags)...)}
		return detach(c.skipped(g.rcErr), g.rcArgs("rm"))
	}
	podman := func(name string, args ...string) contender {
		return detach(peer(name, args...).skipped(g.podmanErr), podmanArgs("rm"))
	}
	results := race(ctx, g.env, brisk(o.runs, settleMigration), []contender{
		rc(nameDetach),
		podman(nameDetachPodman, podmanNew("run", flags...)...),
		rc(nameDetachPlain, plain...),
		podman(nameDetachPodmanPlain, slices.Concat(podmanPlain, plain, flags)...),
	})
	return times("`run -d` of a container that sleeps, until it returns", nameDetach, results, []bound{
		fasterThan(nameDetach, 5, nameDetachPodman),
		fasterThan(nameDetachPlain, 5, nameDetachPodmanPlain),
	})
}

// podmanThen is podman ps -a with 100 containers on the machine for which the limits were set (issue 3).
const podmanThen = 37 * time.Millisecond

// tablePs lists containers that do not run.
func tablePs(ctx context.Context, g *ground, o options) table {
	const few, many = 100, 1000
	nameRC := func(n int) string { return fmt.Sprintf("rc ps -a, %d stopped", n) }
	list := func(n int) []contender {
		var err error
		if g.rcErr == nil {
			err = g.stoppedRC(ctx, n)
		}
		return []contender{contender{Name: nameRC(n), Args: g.rcArgs("ps", "-a")}.skipped(g.rcErr).after(err)}
	}
	var made int
	var podman error
	if g.podmanErr == nil {
		made, podman = g.stoppedPodman(ctx, few)
	}
	namePodman := fmt.Sprintf("podman ps -a, %d created", made)
	p := brisk(o.runs, settle)
	results := race(ctx, g.env, p, append(list(few),
		peer(namePodman, podmanArgs("ps", "-a")...).skipped(g.podmanErr).after(podman)))
	results = append(results, race(ctx, g.env, p, list(many))...)
	return times("Containers that do not run", nameRC(few), results, []bound{
		within(nameRC(few), 10*time.Millisecond, namePodman, podmanThen),
		within(nameRC(many), 50*time.Millisecond, namePodman, podmanThen),
	})
}
