package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

const (
	namePull        = "rc pull"
	namePullAgain   = "rc pull, unchanged tag"
	namePodmanPull  = "podman pull"
	namePodmanAgain = "podman pull of an unchanged tag"
	nameFloor       = "decompress and write the files, nothing else"

	pullLayers    = 5
	pullLayerSize = 28 << 20
	// What pulls may need of memory, whatever the size of a layer.
	pullMemory   = 100 << 20
	memoryLayers = 3
	memorySize   = 192 << 20
)

// pulls is what the tables of pulls stand on.
type pulls struct {
	g        *ground
	registry *registry
	image    string
	layers   [][]byte
}

// newPulls starts a registry with one image of some layers.
func newPulls(ctx context.Context, g *ground, name string, layers, size int) (*pulls, error) {
	r, err := startRegistry(ctx, filepath.Join(g.work, "registry-"+name))
	if err != nil {
		return nil, err
	}
	p := &pulls{g: g, registry: r, image: r.address + "/bench/" + name + ":1", layers: make([][]byte, layers)}
	diffIDs := make([]digest.Digest, layers)
	var group errgroup.Group
	for i := range layers {
		group.Go(func() (err error) {
			p.layers[i], diffIDs[i], err = makeLayer(uint64(i), size)
			return err
		})
	}
	if err = group.Wait(); err == nil {
		err = r.put(ctx, "bench/"+name, "1", p.layers, diffIDs)
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return p, nil
}

func (p *pulls) close() {
	p.registry.stop()
	_ = os.RemoveAll(p.registry.dir) // it goes with the scratch directory, too
}

// into gives a command line of rc or podman with a store of its own that is new each time: to delete an image
// would leave work for the file system that the next pull had to wait for (ext4 without a journal
// does not use the inode of a deleted file again for minutes, and looks at each of them).
func (p *pulls) into(program []string) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		root, err := os.MkdirTemp(p.g.work, "store-")
		if err != nil {
			return 0, err
		}
		if err := p.g.command(ctx, "sync", "--file-system", p.g.work); err != nil {
			return 0, err
		}
		// podman wants no more than 50 characters.
		run := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), filepath.Base(root))
		defer os.RemoveAll(run)
		return timed(ctx, p.g.env, slices.Concat(program, []string{"--root", root, "--runroot", run}, p.pull()))
	}
}

func (p *pulls) pull() []string { return []string{"pull", "-q", "--tls-verify=false", p.image} }

// tablePull fetches an image of 140 MB from a registry on a loopback port, and again.
func tablePull(ctx context.Context, g *ground, o options) table {
	title := fmt.Sprintf("Pull of %d MB in %d layers from a loopback registry", pullLayers*pullLayerSize/1_000_000, pullLayers)
	p, err := newPulls(ctx, g, "pull", pullLayers, pullLayerSize)
	if err != nil {
		return table{Title: title, Head: []string{"skipped"}, Rows: [][]string{{err.Error()}}}
	}
	defer p.close()
	for _, args := range [][]string{g.rcArgs(p.pull()...), podmanArgs(p.pull()...)} {
		_, _ = g.output(ctx, args) // for the second table, which tells what fails
	}
	results := race(ctx, g.env, heavy(o.runs), []contender{
		contender{Name: namePull, Measure: p.into(g.rcArgs())}.skipped(g.rcErr),
		contender{Name: namePodmanPull, Measure: p.into(podmanArgs())}.skipped(g.podmanErr),
		{Name: nameFloor, Measure: p.floor(pullLayers)},
		{Name: "the same, one layer after the other", Measure: p.floor(1)},
		p.skopeo(),
	})
	t := times(title, nameFloor, results, []bound{atMost(namePull, 0.5, namePodmanPull), atMost(namePull, 1.3, nameFloor)})
	again := race(ctx, g.env, brisk(min(o.runs, 20), settle), []contender{
		contender{Name: namePullAgain, Args: g.rcArgs(p.pull()...)}.skipped(g.rcErr),
		contender{Name: namePodmanAgain, Args: podmanArgs(p.pull()...)}.skipped(g.podmanErr),
	})
	second := times("", namePullAgain, again, []bound{within(namePullAgain, 30*time.Millisecond, namePodmanAgain, 50*time.Millisecond)})
	t.Rows = append(t.Rows, second.Rows...)
	t.Notes = append(append(t.Notes, second.Notes...), "Ratios of the rows of an unchanged tag are to "+namePullAgain+".")
	t.Missed += second.Missed
	return t
}

// skopeo only fetches and verifies.
func (p *pulls) skopeo() contender {
	dir := filepath.Join(p.g.work, "skopeo")
	c := peer("skopeo copy to dir:, nothing unpacked", "skopeo", "copy", "-q", "--src-tls-verify=false", "--insecure-policy", "docker://"+p.image, "dir:"+dir)
	c.Before = func() error { return os.RemoveAll(dir) }
	return c
}

// floor is what no pull can be faster than by much: gunzip of what lies in memory, untar, write;
// no network, no digests, no owners, some layers at once.
func (p *pulls) floor(atOnce int) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) { return p.unpack(ctx, atOnce) }
}

func (p *pulls) unpack(ctx context.Context, atOnce int) (time.Duration, error) {
	root, err := os.MkdirTemp(p.g.work, "floor-")
	if err == nil {
		err = p.g.command(ctx, "sync", "--file-system", p.g.work)
	}
	if err != nil {
		return 0, err
	}
	start := time.Now()
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, data := range p.layers {
		group.Go(func() error { return untar(ctx, data, filepath.Join(root, fmt.Sprint(i))) })
	}
	err = group.Wait()
	return time.Since(start), err
}

func untar(ctx context.Context, data []byte, root string) error {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	r := tar.NewReader(z)
	buf := make([]byte, 256<<10)
	for ctx.Err() == nil {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(root, filepath.Clean("/"+h.Name))
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
		if errors.Is(err, os.ErrNotExist) {
			if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
				f, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
			}
		}
		if err != nil {
			return err
		}
		if _, err = io.CopyBuffer(struct{ io.Writer }{f}, r, buf); err == nil {
			err = os.Chtimes(path, h.ModTime, h.ModTime)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tablePullMemory is the peak of the largest process of a pull.
func tablePullMemory(ctx context.Context, g *ground) table {
	t := table{
		Title: fmt.Sprintf("Peak memory of a pull of %d layers of %d MiB", memoryLayers, memorySize>>20),
		Head:  []string{"what", "peak MiB of the largest process", "limit", ""},
	}
	p, err := newPulls(ctx, g, "memory", memoryLayers, memorySize)
	if err != nil {
		t.Notes = append(t.Notes, "skipped: "+err.Error())
		return t
	}
	defer p.close()
	for _, c := range []struct {
		name, program string
		args          []string
		skip          error
	}{
		{namePull, "rc-image", g.rcArgs(p.pull()...), g.rcErr},
		{namePodmanPull, "podman", podmanArgs(p.pull()...), g.podmanErr},
	} {
		if c.skip != nil {
			t.Rows = append(t.Rows, []string{c.name, "-", "", "skipped"})
			continue
		}
		peak, err := peakOf(ctx, g, c.program, c.args)
		if err != nil {
			t.Rows = append(t.Rows, []string{c.name, "-", "", t.verdict(false)})
			t.Notes = append(t.Notes, c.name+": "+err.Error())
			continue
		}
		row := []string{c.name, fmt.Sprintf("%.0f", float64(peak)/1024), "", ""}
		if c.name == namePull {
			row[2], row[3] = fmt.Sprintf("≤ %d", pullMemory>>20), t.verdict(peak<<10 <= pullMemory)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// peakOf runs a command and gives VmHWM, in KiB, of the largest process of a name. It is
// read again and again: when the process has ended, nobody has it (ru_maxrss of wait4(2) would be the
// size that this program had when it forked).
func peakOf(ctx context.Context, g *ground, program string, args []string) (int, error) {
	done := make(chan error, 1)
	go func() {
		_, err := g.output(ctx, args)
		done <- err
	}()
	peak := 0
	for {
		select {
		case err := <-done:
			if err == nil && peak == 0 {
				err = fmt.Errorf("no process %s was seen", program)
			}
			return peak, err
		case <-time.After(5 * time.Millisecond):
		}
		all, err := processes()
		if err != nil {
			continue
		}
		for pid, process := range all {
			if process.name == program {
				peak = max(peak, highWater(pid))
			}
		}
	}
}

func highWater(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			n, _ := strconv.Atoi(strings.Fields(value)[0])
			return n
		}
	}
	return 0
}
