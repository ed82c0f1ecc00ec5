package store

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/layer"
	"github.com/rc-containers/rc/pkg/stack"
)

// Tree is a directory beside the store whose files become a layer where they are: those that a container leaves
// behind (Seal), or that somebody writes who can say at once what the archive of them is (Recorder, Finish).
// Discard it.
type Tree struct {
	s  *Store
	st *Staged
	// rec and buf are where the archive's headers go.
	rec *layer.Recorder
	buf *bufio.Writer
	// uids, gids are the owners seen, root the mode of "/" where the archive has it. dotWh says that there
	// are ".wh." files.
	uids, gids map[uint32]bool
	root       *os.FileMode
	dotWh      bool
}

// NewTree makes one, for a layer on top of lower, the topmost first.
func (s *Store) NewTree(ctx context.Context, lower []string) (_ *Tree, err error) {
	base, err := s.stagingDir(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(base, "tree-")
	if err != nil {
		return nil, fmt.Errorf("stage layer: %w", err)
	}
	t := &Tree{s: s, st: &Staged{dir: dir}, uids: map[uint32]bool{}, gids: map[uint32]bool{}}
	defer func() {
		if err != nil {
			t.Discard()
		}
	}()
	st := unix.Stat_t{Mode: 0o755}
	if len(lower) > 0 {
		if err := unix.Stat(lower[0], &st); err != nil {
			return nil, fmt.Errorf("stage layer: stat %q: %w", lower[0], err)
		}
	}
	for _, name := range []string{t.Upper(), t.Work()} {
		if err := os.Mkdir(name, 0o700); err != nil {
			return nil, fmt.Errorf("stage layer: %w", err)
		}
	}
	// What the upper directory is, the root of the container will be.
	if err := unix.Chown(t.Upper(), int(st.Uid), int(st.Gid)); err != nil {
		return nil, fmt.Errorf("stage layer: %w", err)
	}
	if err := unix.Chmod(t.Upper(), st.Mode&0o7777); err != nil {
		return nil, fmt.Errorf("stage layer: %w", err)
	}
	if t.st.headers, err = os.CreateTemp(dir, "headers-"); err != nil {
		return nil, fmt.Errorf("stage layer: %w", err)
	}
	t.buf = newBuffered(t.st.headers)
	t.rec = layer.NewRecorder(t.buf)
	return t, nil
}

// Upper is the directory whose files become the layer.
func (t *Tree) Upper() string { return filepath.Join(t.st.dir, "diff") }

// Work is an empty directory beside it, for an overlay that writes to Upper.
func (t *Tree) Work() string { return filepath.Join(t.st.dir, "work") }

// Temp is a directory for files on their way to Upper, which it is on one file system with.
func (t *Tree) Temp() string { return t.st.dir }

// Recorder is what the archive of the layer is written to by a caller that makes the files itself, with
// whiteouts as package layer makes them; Entry is to be called for each header, for Recorder.Entry, too.
func (t *Tree) Recorder() *layer.Recorder { return t.rec }

// Entry takes note of a header that has been written to Recorder.
func (t *Tree) Entry(h *tar.Header) error {
	t.uids[uint32(h.Uid)], t.gids[uint32(h.Gid)] = true, true
	if h.Name == "./" {
		mode := h.FileInfo().Mode()
		t.root = &mode
	}
	t.dotWh = t.dotWh || t.s.dotWh && strings.HasPrefix(path.Base(h.Name), stack.WhiteoutPrefix)
	return t.rec.Entry(h)
}

// DotWh says whether whiteouts have to be ".wh." files.
func (t *Tree) DotWh() bool { return t.s.dotWh }

// Owner is the owner that files of uid and gid have here: layer.ErrOwner says that they can have none. For users
// with no subordinate ids everything is root's.
func (t *Tree) Owner(uid, gid uint32) (u, g uint32, err error) {
	if t.s.ids.single() {
		return 0, 0, nil
	}
	return uid, gid, layer.CheckOwner(int(uid), int(gid), layer.Options{UIDs: t.s.ids.UIDs, GIDs: t.s.ids.GIDs})
}

// Finish gives the layer, once all of it has been written. The tree is used up.
func (t *Tree) Finish() (*Staged, error) {
	if err := errors.Join(t.rec.Close(), t.buf.Flush()); err != nil {
		return nil, full(fmt.Errorf("stage layer: %w", err))
	}
	st := t.st
	t.st = nil
	st.DiffID, st.Size = t.rec.Digest(), t.rec.Size()
	st.res = &layer.Result{UIDs: keys(t.uids), GIDs: keys(t.gids), RootMode: t.root, DotWh: t.dotWh}
	return st, nil
}

func keys(set map[uint32]bool) []uint32 {
	all := make([]uint32, 0, len(set))
	for id := range set {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

// Seal makes a layer of what a container that has ended has written on top of lower. What is there for
// mounts alone is deleted, see stack.Options. The files stay where they are; only the archive's digest is computed. It is
// nil where nothing has changed. The tree is used up.
func (t *Tree) Seal(ctx context.Context, lower []string, o stack.Options) (*Staged, error) {
	defer t.Discard()
	upper, err := stack.Open(t.Upper())
	if err != nil {
		return nil, err
	}
	defer upper.Close()
	below, err := stack.Open(lower...)
	if err != nil {
		return nil, err
	}
	defer below.Close()
	if len(upper) != 1 || len(below) != len(lower) {
		return nil, fmt.Errorf("make a layer: %w", ErrGone)
	}
	n := 0
	o.Settle, o.DotWh = true, t.s.dotWh
	o.Entry = func(h *tar.Header) error {
		n++
		return t.Entry(h)
	}
	if err := stack.PackLayer(ctx, t.rec, upper[0], below, o); err != nil {
		return nil, full(err)
	}
	if n == 0 {
		return nil, nil
	}
	return t.Finish()
}

// full adds what can be done about a full disk.
func full(err error) error {
	if (errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)) && errs.Hint(err) == "" {
		err = errs.WithCheck(err, "free some space, or keep images elsewhere with --root DIR", "disk")
	}
	return err
}

// Discard deletes the tree, unless it has been used up.
func (t *Tree) Discard() {
	if t.st != nil {
		if t.rec != nil {
			_ = t.rec.Close() // it only ends its goroutine
		}
		t.st.Discard()
		t.st = nil
	}
}
