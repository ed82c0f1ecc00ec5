package transport

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/compress"
)

// archive is an image archive with its members indexed: layers can be read side by side.
type archive struct {
	file    *os.File
	members map[string]member
}

// member is a file, or a link to another (docker save wrote such for repeated layers).
type member struct {
	offset, size int64
	link         string
}

// openArchive opens a file, or standard input, and indexes it. What is compressed or cannot
// be sought in is first copied to an unnamed file in dir.
func openArchive(ctx context.Context, input, dir string) (files, error) {
	f, name := os.Stdin, "standard input"
	if input != "" && input != "-" {
		var err error
		if f, err = os.Open(input); err != nil {
			return nil, err
		}
		name = input
	}
	if st, err := f.Stat(); err != nil {
		return nil, err
	} else if st.IsDir() {
		return directory{f}, nil
	}
	a, err := spool(ctx, f, dir)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return a, nil
}

func (a *archive) Close() error { return a.file.Close() }

func spool(ctx context.Context, f *os.File, dir string) (*archive, error) {
	in := bufio.NewReaderSize(f, 64<<10)
	magic, err := in.Peek(262)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(magic) == 0 {
		return nil, errs.Invalidf("it is empty")
	}
	_, seekErr := f.Seek(0, io.SeekStart)
	isTar := len(magic) == 262 && string(magic[257:262]) == "ustar"
	if seekErr != nil || !isTar {
		if seekErr == nil {
			in.Reset(f)
		}
		if f, err = unpacked(ctx, in, dir); err != nil {
			return nil, err
		}
	}
	a := &archive{file: f, members: make(map[string]member)}
	return a, a.scan()
}

// unpacked copies a stream, decompressed, into a file without a name.
func unpacked(ctx context.Context, r io.Reader, dir string) (*os.File, error) {
	plain, err := compress.Reader(r)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	f, err := os.CreateTemp(dir, "rc-load-")
	if err != nil {
		return nil, err
	}
	if err = os.Remove(f.Name()); err == nil {
		_, err = io.Copy(f, Cancelable(ctx, plain))
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// readFunc is a function that reads.
type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// Cancelable stops reading when its context ends.
func Cancelable(ctx context.Context, r io.Reader) io.Reader {
	return readFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return r.Read(p)
	})
}

// scan notes where each member begins. archive/tar seeks over contents in a file.
func (a *archive) scan() error {
	st, err := a.file.Stat()
	if err != nil {
		return err
	}
	tr := tar.NewReader(a.file)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errs.Invalidf("it is not a tar archive, or it is cut off: %w", err)
		}
		name := path.Clean(strings.TrimLeft(h.Name, "/"))
		switch h.Typeflag {
		case tar.TypeReg:
			at, err := a.file.Seek(0, io.SeekCurrent)
			if err != nil {
				return err
			}
			if at+h.Size > st.Size() {
				return errs.Invalidf("it is cut off in %q", h.Name)
			}
			a.members[name] = member{offset: at, size: h.Size}
		case tar.TypeSymlink:
			a.members[name] = member{link: path.Join(path.Dir(name), h.Linkname)}
		case tar.TypeLink:
			a.members[name] = member{link: path.Clean(h.Linkname)}
		}
	}
}

// open gives a member's contents. A member that is no plain file, or a link to one, is not there.
func (a *archive) open(name string) (*file, error) {
	m, ok := a.members[path.Clean(name)]
	for hops := 0; ok && m.link != ""; hops++ {
		if hops > maxLinks {
			return nil, errs.Invalidf("archive member %q: too many links", name)
		}
		m, ok = a.members[m.link]
	}
	if !ok {
		return nil, fmt.Errorf("archive member %q: %w", name, errs.ErrNotFound)
	}
	return &file{io.NopCloser(io.NewSectionReader(a.file, m.offset, m.size)), m.size}, nil
}

// maxLinks is how many links lead to a member.
const maxLinks = 8

func (a *archive) has(name string) bool {
	_, ok := a.members[name]
	return ok
}
