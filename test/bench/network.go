package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	nameNetDefault = "rc"
	nameNetPasta   = "rc --network pasta"
	nameNetSlirp   = "rc --network slirp4netns"
	nameNetPublish = "rc -p, which takes pasta"
	nameNetPodman  = "podman --network slirp4netns"

	nameNetHostfwd = "rc --network slirp4netns:port_handler=slirp4netns"
)

// sent is how much goes through a network to see how fast it is.
const (
	sentMegabytes = 128
	slirpHost     = "10.0.2.2" // where a container of slirp4netns reaches the host's loopback
)

// networked is a command line of rc or podman that runs a container with a network.
func (g *ground) networked(rc bool, flags ...string) []string {
	args := podmanNew("run")
	if rc {
		args = g.rcNew()
	}
	i := slices.Index(args, "--network")
	return append(slices.Delete(args, i, i+2), flags...)
}

// needing is c where a helper is installed.
func needing(c contender, program string) contender {
	if _, err := exec.LookPath(program); err != nil {
		return c.skipped(errors.New(program + " is not installed"))
	}
	return c
}

// tableNetStart runs `true` with a network.
func tableNetStart(ctx context.Context, g *ground, o options) table {
	rc := func(name string, flags ...string) contender {
		args := append(g.networked(true, "--rm", "--cgroups", "disabled"), flags...)
		return contender{Name: name, Args: append(args, "alpine", "true")}.skipped(g.rcErr)
	}
	podman := append(g.networked(false, "--rm", "--network", "slirp4netns", "--cgroups=disabled"), "alpine", "true")
	results := race(ctx, g.env, brisk(o.runs, settle), []contender{
		rc(nameNetDefault),
		needing(rc(nameNetSlirp, "--network", "slirp4netns"), "slirp4netns"),
		needing(rc(nameNetPasta, "--network", "pasta"), "pasta"),
		rc(nameNetPublish, "-p", "127.0.0.1::80"),
		needing(peer(nameNetPodman, podman...).skipped(g.podmanErr), "slirp4netns"),
	})
	return times("`run --rm alpine true` with a network", nameNetDefault, results, []bound{
		atMost(nameNetDefault, 0.3, nameNetPodman),
	})
}

// hostFrom is the host's loopback as a container's shell says it.
func hostFrom(network string) string {
	if strings.HasPrefix(network, "pasta") {
		return "$(ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p')"
	}
	return slirpHost
}

// tableNetOut sends from a container to the host's loopback.
func tableNetOut(ctx context.Context, g *ground, o options) table {
	send := func(name, network string, rc bool) contender {
		c := contender{Name: name, Measure: func(ctx context.Context) (time.Duration, error) {
			listener, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				return 0, err
			}
			defer listener.Close()
			_, port, err := net.SplitHostPort(listener.Addr().String())
			if err != nil {
				return 0, err
			}
			script := fmt.Sprintf("dd if=/dev/zero bs=64k count=%d 2>/dev/null | nc %s %s", sentMegabytes*16, hostFrom(network), port)
			args := g.networked(rc, "--rm", "--network", network, "alpine", "sh", "-c", script)
			cmd := exec.CommandContext(ctx, args[0], args[1:]...)
			cmd.Env = g.env
			if err := cmd.Start(); err != nil {
				return 0, err
			}
			took, err := receive(ctx, listener.Accept)
			_ = cmd.Process.Kill() // busybox's nc may wait for an answer
			_ = cmd.Wait()
			return took, err
		}}
		if rc {
			return c.skipped(g.rcErr)
		}
		return c.skipped(g.podmanErr)
	}
	results := race(ctx, g.env, heavy(o.runs), []contender{
		needing(send(nameNetSlirp, "slirp4netns:allow_host_loopback=true", true), "slirp4netns"),
		needing(send(nameNetPasta, "pasta:--map-gw", true), "pasta"),
		needing(send(nameNetPodman, "slirp4netns:allow_host_loopback=true", false), "slirp4netns"),
	})
	return times(fmt.Sprintf("%d MB from a container to the host, TCP", sentMegabytes), nameNetPodman, results, []bound{
		atMost(nameNetSlirp, 1.1, nameNetPodman),
	})
}

// receive takes all that one connection brings; the time begins with its first byte.
func receive(ctx context.Context, connect func() (net.Conn, error)) (time.Duration, error) {
	conn, err := connect()
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	buf := make([]byte, 256<<10)
	n, err := io.ReadFull(conn, buf[:1])
	began := time.Now()
	total := n
	for err == nil && total < sentMegabytes<<20 {
		n, err = conn.Read(buf)
		total += n
	}
	if total < sentMegabytes<<20 {
		return 0, fmt.Errorf("only %d bytes came: %w", total, err)
	}
	return time.Since(began), nil
}

// tableNetIn asks a container's published port for data, from the host's loopback.
func tableNetIn(ctx context.Context, g *ground, o options) table {
	var undo [][]string
	defer func() {
		for _, args := range undo {
			_, _ = g.output(context.WithoutCancel(ctx), args)
		}
	}()
	ask := func(name, network string, rc bool) contender {
		reason := g.podmanErr
		if rc {
			reason = g.rcErr
		}
		c := needing(contender{Name: name}.skipped(reason), strings.SplitN(network, ":", 2)[0])
		if c.Skip != "" {
			return c
		}
		container := "bench-port-" + strconv.Itoa(len(undo))
		_, err := g.output(ctx, g.networked(rc, "-d", "--name", container, "--network", network, "-p", "127.0.0.1::80", "alpine", "sh", "-c", sendForever()))
		verb := podmanArgs
		if rc {
			verb = g.rcArgs
		}
		undo = append(undo, verb("rm", "-f", "-t", "0", container))
		address := ""
		if err == nil {
			address, err = g.output(ctx, verb("port", container, "80"))
		}
		c.Measure = func(ctx context.Context) (time.Duration, error) {
			return attempt(ctx, "tcp4", address)
		}
		return c.after(err)
	}
	results := race(ctx, g.env, heavy(o.runs), []contender{
		ask(nameNetSlirp, "slirp4netns", true),
		ask(nameNetHostfwd, "slirp4netns:port_handler=slirp4netns", true),
		ask(nameNetPasta, "pasta", true),
		ask(nameNetPodman, "slirp4netns", false),
	})
	return times(fmt.Sprintf("%d MB from a container's published port, TCP", sentMegabytes), nameNetPodman, results, []bound{
		atMost(nameNetSlirp, 1.1, nameNetPodman),
	})
}
