package files

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	digest "github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/archive"
	"github.com/rc-containers/rc/pkg/build/files/memory"
)

// Key is a digest of all that decides about the layer but for the layers below it: the instruction without what it names
// (Copy.From), and names, types, modes, owners, contents and attributes of what it copies, without times. Two
// instructions with the same key on the same layers have the same outcome. Contents that Memory knows are not read.
func (p *Prepared) Key(ctx context.Context) (digest.Digest, error) {
	if err := p.hash(ctx); err != nil {
		return "", err
	}
	c := *p.copy
	c.From = nil
	text, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	d := digest.Canonical.Digester()
	h := d.Hash()
	fmt.Fprintf(h, "files 1\n%s\n", text)
	if p.o.Latest != nil {
		fmt.Fprintf(h, "latest %d\n", p.o.Latest.Unix())
	}
	for _, m := range p.matches {
		fmt.Fprintf(h, "match %q %t %q\n", m.base, m.unpack, m.id)
		if m.id == "" {
			p.list(h, m.top, "")
		}
	}
	return d.Digest(), nil
}

// list writes one line for each file, and one for each attribute of a directory.
func (p *Prepared) list(h hash.Hash, k *pick, prefix string) {
	i := k.ino
	name := prefix + k.name
	if prefix == "" {
		name = "." // it is called by the match's base
	}
	fmt.Fprintf(h, "%q %o %d:%d %t %q %x\n", name, i.mode, i.uid, i.gid, k.pending, i.link, i.sum)
	for _, key := range slices.Sorted(maps.Keys(i.xattrs)) {
		fmt.Fprintf(h, "%q=%q\n", key, i.xattrs[key])
	}
	for _, kid := range k.kids {
		p.list(h, kid, name+"/")
	}
}

// hash finds the digests of all contents.
func (p *Prepared) hash(ctx context.Context) error {
	var unknown []*inode
	for _, m := range p.matches {
		if m.id == "" {
			unknown = collect(unknown, m.top)
		}
	}
	slices.SortStableFunc(unknown, func(a, b *inode) int { return strings.Compare(a.from.dir, b.from.dir) })
	var current atomic.Int64
	total := int64(0)
	for _, i := range unknown {
		total += i.size
	}
	// Each worker has its own part of the directories; a batch keeps them busy to the end.
	g, ctx := errgroup.WithContext(ctx)
	const batch = 64
	work := make(chan []*inode)
	g.Go(func() error {
		defer close(work)
		for part := range slices.Chunk(unknown, batch) {
			select {
			case work <- part:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			var at openDir
			defer at.close()
			buf := make([]byte, 256<<10)
			for part := range work {
				for _, i := range part {
					if err := i.hash(ctx, &at, buf); err != nil {
						return fmt.Errorf("read %q: %w", join(i.from.dir, i.from.name), err)
					}
					if p.o.Reading != nil {
						p.o.Reading(current.Add(i.size), total)
					}
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// collect gives the files whose digests are not remembered.
func collect(all []*inode, k *pick) []*inode {
	i := k.ino
	if i.kind() == unix.S_IFREG && !i.known {
		i.known = true
		if i.from == nil {
			i.sum = i.madeSum()
		} else if s, ok := i.from.src.memory.Recall(i.stat()); ok {
			i.sum = s
		} else {
			all = append(all, i)
		}
	}
	for _, kid := range k.kids {
		all = collect(all, kid)
	}
	return all
}

// madeSum is the digest of what is in no source.
func (i *inode) madeSum() memory.Sum {
	if i.made == nil {
		return sha256.Sum256(nil)
	}
	return sha256.Sum256(i.made.data)
}

// hash reads a file.
func (i *inode) hash(ctx context.Context, at *openDir, buf []byte) error {
	began := time.Now()
	f, err := at.open(i.from)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	if err := i.unchanged(f); err != nil {
		return err
	}
	h := sha256.New()
	if err := readAll(ctx, h, f, i.size, buf); err != nil {
		return err
	}
	attributes, err := archive.Attributes(int(f), true)
	if err != nil {
		return err
	}
	if len(attributes) > 0 {
		for _, key := range slices.Sorted(maps.Keys(attributes)) {
			fmt.Fprintf(h, "\x00%q=%q", key, attributes[key])
		}
	}
	if err := i.unchanged(f); err != nil {
		return err
	}
	h.Sum(i.sum[:0])
	i.from.src.memory.Remember(i.stat(), i.sum, began)
	return nil
}

// stat is what Memory knows a file by.
func (i *inode) stat() *unix.Stat_t {
	return &unix.Stat_t{Dev: i.from.id.dev, Ino: i.from.id.ino, Size: i.size, Mtim: unix.NsecToTimespec(i.from.mtime), Ctim: unix.NsecToTimespec(i.from.ctime)}
}

// readAll reads as many bytes as a file had.
func readAll(ctx context.Context, h hash.Hash, f rawFile, left int64, buf []byte) error {
	for left > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := f.Read(buf[:min(left, int64(len(buf)))])
		if errors.Is(err, io.EOF) {
			return ErrChanged
		}
		if err != nil {
			return err
		}
		h.Write(buf[:n])
		left -= int64(n)
	}
	return nil
}
