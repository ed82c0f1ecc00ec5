package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"time"
)

const (
	nameBetween       = "rc, container to container"
	nameBetweenPodman = "podman, container to container"
	nameOutward       = "rc, container to host"
	nameOutwardPodman = "podman, container to host"
	nameInward        = "rc, published port"
	nameInwardPodman  = "podman, published port"
)

// sendForever offers the data to whoever connects, one after another.
func sendForever() string {
	return fmt.Sprintf("while true; do dd if=/dev/zero bs=64k count=%d 2>/dev/null | nc -l -p 80 >/dev/null; done", sentMegabytes*16)
}

// attempt asks until somebody listens: between two rounds nobody does.
func attempt(ctx context.Context, network, address string) (time.Duration, error) {
	var took time.Duration
	err := errors.New("not tried")
	for try := 0; err != nil && try < 20 && ctx.Err() == nil; try++ {
		time.Sleep(settleMigration)
		took, err = receive(ctx, func() (net.Conn, error) { return net.Dial(network, address) })
	}
	return took, err
}

// printReceived is bench -receive: it runs in a container, and prints nanoseconds.
func printReceived(ctx context.Context, address string) error {
	took, err := attempt(ctx, "tcp4", address)
	if err == nil {
		fmt.Println(took.Nanoseconds())
	}
	return err
}

// hostAddress is one that containers reach the host by: not its loopback.
func hostAddress() (string, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String(), nil
		}
	}
	return "", errors.New("the host has no address but its loopback's")
}

// bridged is one of the two programs with a network and two containers on it: bench-peer and bench-sender.
type bridged struct {
	*ground
	args   func(...string) []string
	sender string // its address on the network
	port   string // address of its published port
}

func (g *ground) bridged(ctx context.Context, args func(...string) []string, limits ...string) (*bridged, error) {
	b := &bridged{ground: g, args: args}
	run := append([]string{"run", "-d", "--name", "bench-sender", "--network", bridgeNetwork, "-p", "127.0.0.1::80"}, limits...)
	_, err := g.output(ctx, args(append(run, "alpine", "sh", "-c", sendForever())...))
	if err == nil {
		format := fmt.Sprintf("{{(index .NetworkSettings.Networks %q).IPAddress}}", bridgeNetwork)
		b.sender, err = g.output(ctx, args("inspect", "-f", format, "bench-sender"))
	}
	if err == nil {
		b.port, err = g.output(ctx, args("port", "bench-sender", "80"))
	}
	return b, err
}

func (b *bridged) between(ctx context.Context) (time.Duration, error) {
	out, err := b.output(ctx, b.args("exec", "bench-peer", "/bench", "-receive", net.JoinHostPort(b.sender, "80")))
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(out, 10, 64)
	return time.Duration(n), err
}

func (b *bridged) inward(ctx context.Context) (time.Duration, error) {
	return attempt(ctx, "tcp4", b.port)
}

func (b *bridged) outward(host string) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		listener, err := net.Listen("tcp4", net.JoinHostPort(host, "0"))
		if err != nil {
			return 0, err
		}
		defer listener.Close()
		stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
		defer stop()
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return 0, err
		}
		args := b.args("exec", "bench-peer", "sh", "-c",
			fmt.Sprintf("dd if=/dev/zero bs=64k count=%d 2>/dev/null | nc -w 20 %s %s", sentMegabytes*16, host, port))
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env = b.env
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		took, err := receive(ctx, listener.Accept)
		_ = cmd.Wait() // nc ends with the connection
		return took, err
	}
}

// tableBridgeTraffic sends over a bridge network: between two containers, out of one, and into one by a
// published port. Between two there is no limit: it is the kernel's work alone, rc's as podman's.
func tableBridgeTraffic(ctx context.Context, g *ground, o options) table {
	rcErr, podmanErr := g.makeBridge(ctx)
	defer g.dropBridge(ctx)
	rc, podman := &bridged{ground: g}, &bridged{ground: g}
	if g.rcErr == nil && rcErr == nil {
		rc, rcErr = g.bridged(ctx, g.rcArgs)
	}
	if g.podmanErr == nil && podmanErr == nil {
		limits := "--pids-limit=0"
		if managerError() != nil {
			limits = "--cgroups=disabled"
		}
		podman, podmanErr = g.bridged(ctx, podmanArgs, limits)
	}
	host, hostErr := hostAddress()
	ofRC := func(name string, measure func(context.Context) (time.Duration, error)) contender {
		return contender{Name: name, Measure: measure}.skipped(g.rcErr).after(rcErr)
	}
	ofPodman := func(name string, measure func(context.Context) (time.Duration, error)) contender {
		return contender{Name: name, Measure: measure}.skipped(g.podmanErr).after(podmanErr)
	}
	results := race(ctx, g.env, heavy(o.runs), []contender{
		ofRC(nameBetween, rc.between),
		ofPodman(nameBetweenPodman, podman.between),
		ofRC(nameOutward, rc.outward(host)).skipped(hostErr),
		ofPodman(nameOutwardPodman, podman.outward(host)).skipped(hostErr),
		ofRC(nameInward, rc.inward),
		ofPodman(nameInwardPodman, podman.inward),
	})
	return times(fmt.Sprintf("%d MB on a bridge network, TCP", sentMegabytes), nameBetweenPodman, results, []bound{
		atMost(nameOutward, 1.1, nameOutwardPodman),
		atMost(nameInward, 1.1, nameInwardPodman),
	})
}
