package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const (
	datagrams    = 20_000
	datagramSize = 1200
	dials        = 500

	// trafficLimit bounds what a container sends or waits for.
	trafficLimit = 10 * time.Second
	lostAfter    = time.Second // pasta of March 2023 loses a connection now and then
)

// outward are the networks by which a container reaches the host's loopback.
func (g *ground) outward(measure func(ctx context.Context, network string, rc bool) (time.Duration, error)) []contender {
	var list []contender
	for _, c := range []struct {
		name, network string
		reason        error
	}{
		{nameNetSlirp, "slirp4netns:allow_host_loopback=true", g.rcErr},
		{nameNetPasta, "pasta:--map-gw", g.rcErr},
		{nameNetPodman, "slirp4netns:allow_host_loopback=true", g.podmanErr},
	} {
		measured := contender{Name: c.name, Measure: func(ctx context.Context) (time.Duration, error) {
			return measure(ctx, c.network, strings.HasPrefix(c.name, "rc"))
		}}
		program, _, _ := strings.Cut(c.network, ":")
		list = append(list, needing(measured.skipped(c.reason), program))
	}
	return list
}

// inside is a command line of a container that runs this program with a flag about an address of
// the host's loopback.
func (g *ground) inside(rc bool, network, flag, port string) ([]string, error) {
	exe, err := os.Executable()
	host := hostFrom(network)
	script := fmt.Sprintf("exec /bench -%s %s:%s", flag, host, port)
	return g.networked(rc, "--rm", "--network", network, "-v", exe+":/bench:ro", "alpine", "sh", "-c", script), err
}

// tableNetDatagrams floods the host's loopback from a container: what counts is what arrives.
func tableNetDatagrams(ctx context.Context, g *ground, o options) table {
	results := race(ctx, g.env, brisk(min(o.runs, 10), settleMigration), g.outward(func(ctx context.Context, network string, rc bool) (time.Duration, error) {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		_, port, err := net.SplitHostPort(conn.LocalAddr().String())
		if err != nil {
			return 0, err
		}
		args, err := g.inside(rc, network, "flood", port)
		if err != nil {
			return 0, err
		}
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env = g.env
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		took, err := collect(conn)
		return took, errors.Join(err, cmd.Wait())
	}))
	return times(fmt.Sprintf("%d datagrams of %d bytes that reach the host from a container, UDP", datagrams, datagramSize), nameNetPodman, results, []bound{
		atMost(nameNetSlirp, 1.1, nameNetPodman),
	})
}

// collect takes datagrams and tells their sender when it was enough; the time begins with the first.
func collect(conn *net.UDPConn) (time.Duration, error) {
	if err := conn.SetReadDeadline(time.Now().Add(2 * trafficLimit)); err != nil {
		return 0, err
	}
	var began time.Time
	var from *net.UDPAddr
	buf := make([]byte, 2*datagramSize)
	for n := range datagrams {
		var err error
		if _, from, err = conn.ReadFromUDP(buf); err != nil {
			return 0, fmt.Errorf("after %d datagrams: %w", n, err)
		}
		if n == 0 {
			began = time.Now()
		}
	}
	took := time.Since(began)
	for range 3 {
		if _, err := conn.WriteToUDP([]byte("enough"), from); err != nil {
			return 0, err
		}
	}
	return took, nil
}

// flood is bench -flood: it runs in the container, and sends until an answer comes.
func flood(address string) error {
	conn, err := net.Dial("udp4", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	enough := make(chan error, 1)
	if err := conn.SetDeadline(time.Now().Add(trafficLimit)); err != nil {
		return err
	}
	go func() {
		_, err := conn.Read(make([]byte, 64))
		enough <- err
	}()
	data := make([]byte, datagramSize)
	for {
		select {
		case err := <-enough:
			return err
		default:
		}
		if _, err := conn.Write(data); err != nil {
			return err
		}
	}
}

// tableNetDial opens connections from a container to the host's loopback, one after the other.
func tableNetDial(ctx context.Context, g *ground, o options) table {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	port := ""
	if err == nil {
		defer listener.Close()
		go func() { _ = answer(listener) }() // until it is closed
		_, port, err = net.SplitHostPort(listener.Addr().String())
	}
	contenders := g.outward(func(ctx context.Context, network string, rc bool) (time.Duration, error) {
		args, err := g.inside(rc, network, "dial", port)
		if err != nil {
			return 0, err
		}
		out, err := g.output(ctx, args)
		if err != nil {
			return 0, err
		}
		n, err := strconv.ParseInt(out, 10, 64)
		return time.Duration(n), err
	})
	for i := range contenders {
		contenders[i] = contenders[i].after(err)
	}
	results := race(ctx, g.env, brisk(min(o.runs, 10), settleMigration), contenders)
	return times(fmt.Sprintf("%d connections from a container to the host, TCP", dials), nameNetPodman, results, []bound{
		atMost(nameNetSlirp, 1.1, nameNetPodman),
	})
}

// tableNetAccept opens connections to a container's published port, one after the other.
func tableNetAccept(ctx context.Context, g *ground, o options) table {
	var undo [][]string
	defer func() {
		for _, args := range undo {
			_, _ = g.output(context.WithoutCancel(ctx), args)
		}
	}()
	exe, exeErr := os.Executable()
	var contenders []contender
	for i, c := range []struct {
		name, network string
		reason        error
		verb          func(...string) []string
	}{
		{nameNetSlirp, "slirp4netns", g.rcErr, g.rcArgs},
		{nameNetHostfwd, "slirp4netns:port_handler=slirp4netns", g.rcErr, g.rcArgs},
		{nameNetPasta, "pasta", g.rcErr, g.rcArgs},
		{nameNetPodman, "slirp4netns", g.podmanErr, podmanArgs},
	} {
		program, _, _ := strings.Cut(c.network, ":")
		served := needing(contender{Name: c.name}.skipped(c.reason), program)
		if served.Skip == "" {
			container := "bench-accept-" + strconv.Itoa(i)
			_, err := g.output(ctx, g.networked(strings.HasPrefix(c.name, "rc"), "-d", "--name", container, "--network", c.network,
				"-p", "127.0.0.1::80", "-v", exe+":/bench:ro", "alpine", "/bench", "-serve", ":80"))
			undo = append(undo, c.verb("rm", "-f", "-t", "0", container))
			address := ""
			if err == nil {
				address, err = g.output(ctx, c.verb("port", container, "80"))
			}
			served.Measure = func(context.Context) (time.Duration, error) { return dialAll(address) }
			served = served.after(errors.Join(exeErr, err))
		}
		contenders = append(contenders, served)
	}
	results := race(ctx, g.env, brisk(min(o.runs, 10), settleMigration), contenders)
	return times(fmt.Sprintf("%d connections to a container's published port, TCP", dials), nameNetPodman, results, []bound{
		atMost(nameNetSlirp, 1.1, nameNetPodman),
	})
}

// dial is bench -dial: it runs in the container, and prints nanoseconds.
func dial(address string) error {
	took, err := dialAll(address)
	fmt.Println(took.Nanoseconds())
	return err
}

// dialAll opens all connections; the time begins when one has been answered.
func dialAll(address string) (time.Duration, error) {
	var err error
	for range 10 { // the server may take its time
		if err = dialOnce(address); err == nil {
			break
		}
		time.Sleep(settleMigration)
	}
	began := time.Now()
	for n := 0; n < dials && err == nil; n++ {
		if err = dialOnce(address); errors.Is(err, os.ErrDeadlineExceeded) {
			err = dialOnce(address) // its cost counts
		}
	}
	return time.Since(began), err
}

// dialOnce opens a connection and waits for the byte that it brings.
func dialOnce(address string) error {
	conn, err := net.DialTimeout("tcp4", address, lostAfter)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(lostAfter)); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, 1))
	return err
}

// serveAt is bench -serve: it runs in the container, until that is stopped.
func serveAt(address string) error {
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return err
	}
	return answer(listener)
}

// answer gives every connection a byte.
func answer(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		_, _ = conn.Write([]byte{1}) // who is gone does not want it
		_ = conn.Close()
	}
}
