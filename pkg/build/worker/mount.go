package worker

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/build/files"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/linux"
)

// Types of mounts.
const (
	typeBind  = "bind"
	typeCache = "cache"
)

// mount is a RUN --mount.
type mount struct {
	dockerfile.Mount
	b *builder
	// content stands for the files that are mounted, or that a cache begins with.
	content  string
	tree     tree          // that the files are in, or
	source   *files.Source // the context that they are in
	dir      string        // of source
	fuseOnly bool

	cache  steps.CacheMount
	opened *steps.Mounted
}

// mountKey is what a mount says about the outcome of a step. What is in caches, secrets and agents does not count.
type mountKey struct {
	Type, Target, Path string
	ReadOnly           bool
	ID, Env            string
	Size               int64
	UID, GID           uint32
	Mode               *uint32
	Content            string
}

func (m *mount) key() mountKey {
	return mountKey{m.Type, m.Target, m.Path, m.ReadOnly, m.ID, m.Env, m.Size, m.UID, m.GID, m.Mode, m.content}
}

// resolve finds what is mounted; it waits for other stages.
func (m *mount) resolve(ctx context.Context) (err error) {
	if m.Type != typeBind && m.Type != typeCache {
		return nil
	}
	from, err := m.b.source(ctx, *m.From)
	if err != nil {
		return err
	}
	m.tree, m.source, m.dir = from.tree, from.files, from.dir
	m.fuseOnly = m.tree.fuseOnly()
	if !m.From.Scratch {
		if m.content, err = m.read(ctx); err != nil {
			return err
		}
	}
	if m.Type == typeCache {
		m.cache = steps.CacheMount{ID: m.ID, From: m.content, UID: m.UID, GID: m.GID, Mode: 0o755}
		if m.Mode != nil {
			m.cache.Mode = *m.Mode
		}
	}
	return nil
}

// whole is a copy of a path, all of it.
func (m *mount) whole() dockerfile.Copy {
	return dockerfile.Copy{From: m.From, Sources: []string{m.Path}, Dest: "/"}
}

// read gives the digest of the files.
func (m *mount) read(ctx context.Context) (string, error) {
	if m.dir == "" { // layers: they are what they are
		return m.tree.top() + m.Path, nil
	}
	c, o := m.whole(), files.Options{}
	loaded := m.b.loading(*m.From, &o)
	defer loaded()
	p, err := files.Prepare(ctx, m.source, &c, o)
	if err != nil {
		return "", err
	}
	defer p.Close()
	d, err := p.Key(ctx)
	return d.String(), err
}

// open takes the directory of a cache.
func (m *mount) open(ctx context.Context, t *task) error {
	fill := func(dir string) error { return m.fill(ctx, dir) }
	if m.From.Scratch {
		fill = nil
	}
	waits := func() { t.Line("waiting for the cache mount %s", m.ID) }
	var err error
	m.opened, err = m.cache.Open(ctx, m.b.cfg, m.Sharing, waits, fill)
	return err
}

// fill copies what a cache begins with.
func (m *mount) fill(ctx context.Context, dir string) error {
	c := m.whole()
	p, err := files.Prepare(ctx, m.source, &c, files.Options{})
	if err != nil {
		return err
	}
	defer p.Close()
	staged, err := p.Apply(ctx, m.b.store, nil)
	if err != nil || staged == nil {
		return err
	}
	return staged.MoveTo(dir)
}

func (m *mount) close() {
	if m.opened != nil {
		m.opened.Release()
		m.opened = nil
	}
}

// request is what rc is told; temp is a directory that lives as long as the step.
func (m *mount) request(ctx context.Context, temp string) (build.Mount, error) {
	out := build.Mount{
		Type: m.Type, Target: m.Target, ReadOnly: m.ReadOnly, ID: m.ID, Env: m.Env, Required: m.Required, Size: m.Size,
		UID: m.UID, GID: m.GID, Mode: m.Mode,
	}
	switch {
	case m.Type == typeCache:
		out.Type, out.ID, out.Source, out.Keep = typeBind, "", m.opened.Data, true
	case m.Type != typeBind:
	case m.From.Scratch:
		return out, m.empty(temp, &out)
	case m.dir == "":
		out.Lower, out.Path = m.tree.lower(), m.Path
	default:
		if err := m.bindContext(ctx, temp, &out); err != nil {
			return out, fmt.Errorf("--mount=type=bind,target=%s: %w", m.Target, err)
		}
	}
	return out, nil
}

// bindContext mounts a path of a context, without what is ignored in it.
func (m *mount) bindContext(ctx context.Context, temp string, out *build.Mount) error {
	lower, fuseOnly, err := files.Materialize(ctx, m.source, temp)
	if err != nil {
		return err
	}
	if len(lower) == 1 {
		out.Source, err = within(lower[0], m.Path)
		return err
	}
	out.Lower, out.Path = lower, m.Path
	m.fuseOnly = m.fuseOnly || fuseOnly
	return nil
}

// empty mounts nothing at all.
func (m *mount) empty(temp string, out *build.Mount) (err error) {
	out.Source, err = os.MkdirTemp(temp, "empty-")
	if err == nil {
		err = os.Chmod(out.Source, 0o755)
	}
	return err
}

// within resolves a path in a directory, which it does not leave.
func within(dir, path string) (string, error) {
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(root)
	fd, err := linux.OpenInRoot(root, path, unix.O_PATH)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	return os.Readlink(linux.FDPath(fd))
}
