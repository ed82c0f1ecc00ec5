package files

import (
	"context"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/store"
)

// Apply makes the layer that the instruction adds on top of lower, the topmost first. It is nil where nothing changes.
// ErrChanged says that a file is another one than Prepare has seen: begin again there.
func (p *Prepared) Apply(ctx context.Context, st *store.Store, lower []string) (*store.Staged, error) {
	w, err := newWriter(ctx, st, lower, p.o)
	if err != nil {
		return nil, err
	}
	defer w.close()
	made := inode{mode: p.change.directories(), mtime: p.o.now(), ours: true}
	if p.copy.Chown != "" {
		owner, err := LookUpOwner(lower, p.copy.Chown)
		if err != nil {
			return nil, fmt.Errorf("--chown %q: %w", p.copy.Chown, err)
		}
		w.owner = &owner
		made.uid, made.gid = owner.UID, owner.GID
	}
	w.change = p.change
	if Independent(p.copy) {
		// It is copied as if there were nothing, and laid on top: directories replace links and files, and have
		// attributes of their own. (BuildKit does not for --chmod.)
		lower = nil
	}
	t, err := newTarget(lower, made)
	if err != nil {
		return nil, err
	}
	defer t.close()
	for _, m := range p.matches {
		if m.top == nil {
			if m.top, err = m.fetch(ctx); err != nil {
				return nil, err
			}
		}
		if m.unpack && m.top.ino.kind() == unix.S_IFREG {
			if done, err := w.unpack(t, m.top.ino, p.copy.Dest); done || err != nil {
				if err != nil {
					return nil, fmt.Errorf("unpack %q: %w", m.base, full(err))
				}
				continue
			}
		}
		if err := p.put(t, m); err != nil {
			return nil, err
		}
	}
	return w.write(t)
}

// Independent says that what an instruction makes is the same whatever it is put on.
func Independent(c *dockerfile.Copy) bool { return c.Link && c.Chmod == "" }

// put puts one match at the destination.
func (p *Prepared) put(t *target, m *match) error {
	dest := p.copy.Dest
	if strings.HasSuffix(dest, "/") || strings.HasSuffix(dest, "/.") {
		if _, err := t.directory(dest); err != nil {
			return err
		}
	}
	parent, name, there, err := t.place(dest)
	if err != nil {
		return err
	}
	if !m.top.ino.isDir() {
		if there != nil && there.ino.isDir() {
			parent, name = there, m.base
		}
		return t.merge(parent, name, m.top, false)
	}
	if there == nil {
		if there, err = t.directory(path.Clean(dest)); err != nil {
			return err
		}
	}
	if there.parent != nil && there.ino.isDir() {
		// The directory itself stays what it is, but for its time.
		timed := *there.ino
		timed.mtime = m.top.ino.mtime
		there.change(&timed)
	}
	if !there.ino.isDir() {
		return t.merge(parent, name, m.top, false) // it says what is wrong
	}
	return t.mergeAll(there, m.top)
}
