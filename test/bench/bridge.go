package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"
)

const (
	nameBridge       = "rc, bridge network"
	nameBridgePeer   = "rc, bridge network that others are on"
	nameBridgeNone   = "rc, no network"
	nameBridgePodman = "podman, bridge network"
	nameLookup       = "rc, name of a container"
	nameLookupPodman = "podman, name of a container"
)

// bridgeNetwork is the network of these tables, for rc and for podman.
const bridgeNetwork = "bench-bridge"

// makeBridge makes the network, and a container on it that stays.
func (g *ground) makeBridge(ctx context.Context) (rc, podman error) {
	const name = "bench-peer"
	exe, err := os.Executable()
	if err != nil {
		return err, err
	}
	flags := append([]string{"run", "-d", "--name", name, "--network", bridgeNetwork, "-v", exe + ":/bench:ro"}, sleeper...)
	made := func(args func(...string) []string, limits ...string) error {
		_, _ = g.output(ctx, args("network", "rm", "-f", "-t", "0", bridgeNetwork)) // of a run that was killed
		_, err := g.output(ctx, args("network", "create", bridgeNetwork))
		if err == nil {
			_, err = g.output(ctx, args(slices.Insert(slices.Clone(flags), 1, limits...)...))
		}
		return err
	}
	if g.rcErr == nil {
		rc = made(g.rcArgs)
	}
	if g.podmanErr == nil {
		limits := "--pids-limit=0"
		if managerError() != nil {
			limits = "--cgroups=disabled"
		}
		podman = made(podmanArgs, limits)
	}
	return rc, podman
}

func (g *ground) dropBridge(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	_, _ = g.output(ctx, g.rcArgs("network", "rm", "-f", "-t", "0", bridgeNetwork))
	_, _ = g.output(ctx, podmanArgs("network", "rm", "-f", "-t", "0", bridgeNetwork))
}

// tableBridge measures a container on a bridge network: the first, which makes the namespace of the
// bridges, and another, which joins it.
func tableBridge(ctx context.Context, g *ground, o options) table {
	rc, podman := g.makeBridge(ctx)
	defer g.dropBridge(ctx)
	run := []string{"run", "--rm", "--network", bridgeNetwork, "alpine", "true"}
	limits := "--pids-limit=0"
	if managerError() != nil {
		limits = "--cgroups=disabled"
	}
	alone := slices.Concat([]string{"--runroot", os.Getenv("XDG_RUNTIME_DIR") + "/rc-bench-bridge"}, run)
	defer os.RemoveAll(os.Getenv("XDG_RUNTIME_DIR") + "/rc-bench-bridge")
	results := race(ctx, g.env, brisk(o.runs, settleMigration), []contender{
		contender{Name: nameBridgeNone, Args: g.rcArgs("run", "--rm", "--network", "none", "alpine", "true")}.skipped(g.rcErr).after(rc),
		contender{Name: nameBridge, Args: g.rcArgs(alone...)}.skipped(g.rcErr).after(rc),
		contender{Name: nameBridgePeer, Args: g.rcArgs(run...)}.skipped(g.rcErr).after(rc),
		peer(nameBridgePodman, podmanArgs(slices.Insert(slices.Clone(run), 1, limits)...)...).skipped(g.podmanErr).after(podman),
	})
	return times("`run --rm … true` on a bridge network", nameBridgeNone, results, []bound{
		atMost(nameBridge, 0.3, nameBridgePodman),
		atMost(nameBridgePeer, 0.3, nameBridgePodman),
	})
}

// tableNames measures how long a container's program waits for the address of another container.
func tableNames(ctx context.Context, g *ground, o options) table {
	rc, podman := g.makeBridge(ctx)
	defer g.dropBridge(ctx)
	ask := func(name string, args []string) contender {
		return contender{Name: name, Measure: func(ctx context.Context) (time.Duration, error) {
			out, err := g.output(ctx, args)
			if err != nil {
				return 0, err
			}
			n, err := strconv.ParseInt(out, 10, 64)
			return time.Duration(n), err
		}}
	}
	var server error
	if _, err := exec.LookPath("/usr/lib/podman/aardvark-dns"); err != nil {
		server = errors.New("aardvark-dns is not installed")
	}
	inside := []string{"exec", "bench-peer", "/bench", "-lookups", strconv.Itoa(o.lookups), "-lookup", "bench-peer"}
	results := race(ctx, g.env, brisk(min(o.runs, 10), settle), []contender{
		ask(nameLookup, g.rcArgs(inside...)).skipped(g.rcErr).after(rc),
		ask(nameLookupPodman, podmanArgs(inside...)).skipped(g.podmanErr).skipped(server).after(podman),
	})
	return times(fmt.Sprintf("Name of a container looked up in another, median of %d", o.lookups), nameLookup, results, []bound{{
		Name: nameLookup, Text: "≤ 1 ms", Limit: func(func(string) time.Duration) time.Duration { return time.Millisecond },
	}})
}

// lookUp is bench -lookup: it runs in the container, and prints nanoseconds.
func lookUp(ctx context.Context, name string, lookups int) error {
	r := &net.Resolver{PreferGo: true}
	var took []time.Duration
	for range lookups {
		began := time.Now()
		// With the domain, and so past /etc/hosts.
		if _, err := r.LookupNetIP(ctx, "ip4", name+".dns.podman."); err != nil {
			return err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	fmt.Println(took[len(took)/2].Nanoseconds())
	return nil
}
