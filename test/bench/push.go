package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	namePush       = "rc push, made here"
	namePushPulled = "rc push, pulled: it keeps its digest"
	namePushAgain  = "rc push, another repository"
	namePodmanPush = "podman push, made here"
	namePodmanKept = "podman push, pulled: another digest"
)

// tablePush sends an image to an empty registry: one that was made here, whose layers have never been compressed,
// and one that was pulled.
func tablePush(ctx context.Context, g *ground, o options) table {
	title := fmt.Sprintf("Push of %d MB in %d layers to an empty loopback registry", pullLayers*pullLayerSize/1_000_000, pullLayers)
	skip := func(err error) table {
		return table{Title: title, Head: []string{"skipped"}, Rows: [][]string{{err.Error()}}}
	}
	p, err := newPulls(ctx, g, "push", pullLayers, pullLayerSize)
	if err != nil {
		return skip(err)
	}
	defer p.close()
	archive := filepath.Join(g.work, "push.tar")
	made := "localhost/bench/made:1"
	rcErr, podmanErr := g.rcErr, g.podmanErr
	for _, args := range [][]string{
		g.rcArgs(p.pull()...),
		g.rcArgs("save", "-q", "-o", archive, p.image), g.rcArgs("rmi", p.image), g.rcArgs("load", "-q", "-i", archive), g.rcArgs("tag", p.image, made),
	} {
		if rcErr == nil {
			_, rcErr = g.output(ctx, args)
		}
	}
	for _, args := range [][]string{podmanArgs("load", "-q", "-i", archive), podmanArgs("tag", p.image, made)} {
		if podmanErr == nil && rcErr == nil {
			_, podmanErr = g.output(ctx, args)
		}
	}
	t := times(title, namePush, race(ctx, g.env, heavy(o.runs), []contender{
		contender{Name: namePush, Measure: p.push(g.rcArgs("push", "-q"), made)}.skipped(rcErr),
		contender{Name: namePodmanPush, Measure: p.push(podmanArgs("push", "-q"), made)}.skipped(podmanErr),
	}), []bound{atMost(namePush, 1, namePodmanPush)})
	for _, args := range [][]string{g.rcArgs("rmi", "-f", made, p.image), podmanArgs("rmi", "-f", made, p.image), g.rcArgs(p.pull()...), podmanArgs(p.pull()...)} {
		_, _ = g.output(ctx, args) // the race tells what fails
	}
	kept := times("", namePush, race(ctx, g.env, heavy(o.runs), []contender{
		contender{Name: namePushPulled, Measure: p.push(g.rcArgs("push", "-q"), p.image)}.skipped(rcErr),
		contender{Name: namePodmanKept, Measure: p.push(podmanArgs("push", "-q"), p.image)}.skipped(podmanErr),
		contender{Name: namePushAgain, Args: g.rcArgs("push", "-q", "--tls-verify=false", p.image, p.registry.address+"/bench/again:1")}.skipped(rcErr),
	}), []bound{atMost(namePushPulled, 1, namePodmanKept)})
	t.Rows = append(t.Rows, kept.Rows...)
	t.Notes = append(t.Notes, kept.Notes...)
	t.Missed += kept.Missed
	return t
}

// push measures a push to a registry that is new each time.
func (p *pulls) push(program []string, image string) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		dir, err := os.MkdirTemp(p.g.work, "registry-")
		if err != nil {
			return 0, err
		}
		r, err := startRegistry(ctx, dir)
		if err != nil {
			return 0, err
		}
		defer os.RemoveAll(dir)
		defer r.stop()
		if err := p.g.command(ctx, "sync", "--file-system", p.g.work); err != nil {
			return 0, err
		}
		name := image[strings.LastIndexByte(image, '/')+1:]
		return timed(ctx, p.g.env, slices.Concat(program, []string{"--tls-verify=false", image, r.address + "/bench/" + name}))
	}
}
