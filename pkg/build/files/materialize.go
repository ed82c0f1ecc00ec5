package files

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/layer"
	"github.com/rc-containers/rc/pkg/stack"
)

// Materialize gives layers, the topmost first, that show a build context without what is ignored: its directory, and where
// something is ignored a directory of whiteouts on top of it, which is made in temp, an existing directory of the
// caller's. fuseOnly says that only fuse-overlayfs understands them. Nothing is copied.
func Materialize(ctx context.Context, src *Source, temp string) (lower []string, fuseOnly bool, err error) {
	if src.match == nil && len(src.hidden) == 0 {
		return []string{src.dir}, false, nil
	}
	mask, err := os.MkdirTemp(temp, "ignored-")
	if err != nil {
		return nil, false, fmt.Errorf("mount the build context: %w", err)
	}
	m := masker{ctx: ctx, dotWh: !layer.Native(temp)}
	root, _, err := src.root()
	if err != nil {
		return nil, false, err
	}
	defer root.close()
	all, err := openContextDir(src.dir, nil)
	if err != nil {
		return nil, false, err
	}
	defer all.close()
	fd, err := unix.Open(mask, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, false, &os.PathError{Op: "open", Path: mask, Err: err}
	}
	defer unix.Close(fd)
	if err := m.directory(fd, root, all); err != nil {
		return nil, false, fmt.Errorf("mount the build context without what is ignored: %w", err)
	}
	return []string{mask, src.dir}, m.dotWh, nil
}

// masker hides what is ignored.
type masker struct {
	ctx   context.Context //nolint:containedctx // for the length of one call
	dotWh bool
}

// directory fills a directory of whiteouts, which gets the attributes of the one that it lies on.
func (m *masker) directory(fd int, seen dir, all *contextDir) error {
	if m.ctx.Err() != nil {
		return context.Cause(m.ctx)
	}
	names, err := readNames(all.fd)
	if err != nil {
		return all.fail("read directory", "", err)
	}
	for _, name := range names {
		it, err := seen.look(name)
		if err != nil {
			return err
		}
		switch {
		case it == nil:
			err = m.hide(fd, name)
		case it.isDir():
			err = m.within(fd, it, seen, all)
		}
		if err != nil {
			return err
		}
	}
	self, err := all.self()
	if err != nil {
		return err
	}
	return unix.Fchmod(fd, self.st.Mode&0o7777)
}

// within hides what is ignored in a directory that is not.
func (m *masker) within(fd int, it *item, seen dir, all *contextDir) error {
	below, err := seen.enter(it)
	if err != nil {
		return err
	}
	defer below.close()
	sub, err := all.enter(it)
	if err != nil {
		return err
	}
	defer sub.close()
	if err := unix.Mkdirat(fd, it.name, 0o700); err != nil {
		return err
	}
	into, err := unix.Openat(fd, it.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(into)
	plain, ok := sub.(*contextDir)
	if !ok {
		return errors.ErrUnsupported // a context has no other directories
	}
	return m.directory(into, below, plain)
}

func (m *masker) hide(fd int, name string) error {
	var err error
	if m.dotWh {
		err = unix.Mknodat(fd, stack.WhiteoutPrefix+name, unix.S_IFREG|0o600, 0)
	} else {
		err = unix.Mknodat(fd, name, unix.S_IFCHR, 0)
	}
	if err != nil {
		return fmt.Errorf("hide %q: %w", name, err)
	}
	return nil
}
