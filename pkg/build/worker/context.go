package worker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	units "github.com/docker/go-units"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/build/files"
	"github.com/rc-containers/rc/pkg/build/files/memory"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/store"
)

// source is something that has files: a context in dir, or layers.
type source struct {
	files *files.Source
	dir   string
	tree  tree
}

// contexts has what files are read from, each opened once.
type contexts struct {
	mu     sync.Mutex
	opened map[string]*files.Source
	// memories are what is remembered of contexts and layers, saved at the end.
	memories map[string]*memory.Memory
	// room is a tree that becomes no layer: the context where there is none, and a place for downloads.
	room *store.Tree
	// loaded are the titles of loading.
	loaded map[string]bool
}

// loading shows that a context is read for the first step that needs it; the function ends that. There is nothing to be
// transferred, as it is for docker: what is counted are files whose digests are not known.
func (b *builder) loading(from dockerfile.Source, o *files.Options) func() {
	title := ""
	switch {
	case from.Build && b.o.Context != "":
		title = "[internal] load build context"
	case from.Context != "" && b.o.Contexts[from.Context].Image == "":
		title = "[context " + from.Context + "] load from client"
	}
	c := &b.contexts
	c.mu.Lock()
	first := title != "" && !c.loaded[title]
	if first {
		if c.loaded == nil {
			c.loaded = map[string]bool{}
		}
		c.loaded[title] = true
	}
	c.mu.Unlock()
	if !first {
		return func() {}
	}
	t := b.begin(title)
	var read atomic.Int64
	o.Reading = func(current, total int64) {
		read.Store(total)
		if current < total { // the end is told below
			t.Bytes(current, total)
		}
	}
	return func() {
		t.Line("transferring context: %s done", units.HumanSize(float64(read.Load())))
		_ = t.end(nil, [2]int{}) // what is wrong, the step says that needs it
	}
}

// source opens what COPY --from or a mount names; it waits for a stage.
func (b *builder) source(ctx context.Context, from dockerfile.Source) (*source, error) {
	switch {
	case from.Stage != nil:
		s, err := b.wait(ctx, from.Stage)
		if err != nil {
			return nil, err
		}
		return b.layers(fmt.Sprintf("stage %q", from.Stage.Name), s.tree)
	case from.Image != "":
		return b.imageSource(ctx, from.Image, from)
	case from.Context != "":
		named := b.o.Contexts[from.Context]
		if named.Image != "" {
			return b.imageSource(ctx, named.Image, from)
		}
		return b.dir("[context "+from.Context+"] load .dockerignore", named.Dir, "", named.Remembered)
	case from.Build && b.o.Context == "":
		return b.nothing(ctx)
	case from.Build:
		return b.dir("[internal] load .dockerignore", b.o.Context, b.o.Ignorefile, b.o.Remembered)
	}
	return b.layers("scratch", nil)
}

func (b *builder) imageSource(ctx context.Context, ref string, from dockerfile.Source) (*source, error) {
	img, err := b.image(ctx, ref, from)
	if err != nil {
		return nil, err
	}
	return b.layers(fmt.Sprintf("image %q", ref), img.tree)
}

// layers opens the files of a tree.
func (b *builder) layers(name string, t tree) (*source, error) {
	c := &b.contexts
	c.mu.Lock()
	defer c.mu.Unlock()
	key := "layer " + t.top()
	src := c.opened[key]
	if src == nil {
		var err error
		if src, err = files.OpenLayers(name, t.lower(), c.memory(steps.Digests(b.cfg, ""))); err != nil {
			return nil, err
		}
		c.keep(key, src)
	}
	return &source{files: src, tree: t}, nil
}

// dir opens a context.
func (b *builder) dir(title, dir, ignorefile string, remembered bool) (*source, error) {
	c := &b.contexts
	c.mu.Lock()
	defer c.mu.Unlock()
	key := "dir " + dir
	src := c.opened[key]
	if src == nil {
		t := b.begin(title)
		var memory *memory.Memory
		if remembered {
			memory = c.memory(steps.Digests(b.cfg, dir))
		}
		name := ""
		if dir == b.o.Context {
			name = b.o.Dockerfile
		}
		ignore, err := files.FindIgnore(dir, name, ignorefile)
		if err == nil {
			src, err = files.OpenContext(dir, ignore, memory)
		}
		if err == nil { // a build in a home directory is not about what rc keeps there
			src.Hide(b.cfg.DataRoot, b.cfg.StorageRoot(), b.cfg.RunRoot)
		}
		if t.end(err, [2]int{}) != nil {
			return nil, err
		}
		c.keep(key, src)
	}
	return &source{files: src, dir: dir}, nil
}

// nothing is an empty context.
func (b *builder) nothing(ctx context.Context) (_ *source, err error) {
	c := &b.contexts
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.makeRoom(ctx, b.store); err != nil {
		return nil, err
	}
	dir := c.room.Upper()
	src := c.opened[dir]
	if src == nil {
		if src, err = files.OpenContext(dir, nil, nil); err != nil {
			return nil, err
		}
		c.keep(dir, src)
	}
	return &source{files: src, dir: dir}, nil
}

// temp is a directory that is deleted with the build.
func (b *builder) temp(ctx context.Context) (string, error) {
	c := &b.contexts
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.makeRoom(ctx, b.store); err != nil {
		return "", err
	}
	return c.room.Temp(), nil
}

func (c *contexts) makeRoom(ctx context.Context, s *store.Store) (err error) {
	if c.room == nil {
		c.room, err = s.NewTree(ctx, nil)
	}
	return err
}

func (c *contexts) keep(key string, s *files.Source) {
	if c.opened == nil {
		c.opened = map[string]*files.Source{}
	}
	c.opened[key] = s
}

func (c *contexts) memory(path string) *memory.Memory {
	if c.memories == nil {
		c.memories = map[string]*memory.Memory{}
	}
	m := c.memories[path]
	if m == nil {
		m = memory.Open(path)
		c.memories[path] = m
	}
	return m
}

// close closes everything, and saves what was learned.
func (c *contexts) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.opened {
		s.Close()
	}
	for _, m := range c.memories {
		_ = m.Save() // files are read again next time
	}
	if c.room != nil {
		c.room.Discard()
	}
}
