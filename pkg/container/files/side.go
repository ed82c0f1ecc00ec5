package files

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/archive"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/userns"
)

// SideVerb is rc's hidden verb that packs or unpacks in a container's user namespace. Its
// argument is a side, encoded.
const SideVerb = "__copy-side"

// codePipe is the exit code of a side whose reader has gone: 128 + SIGPIPE. Why is for the
// other side to say.
const codePipe = errs.CodeSignal + 13

// side is what one end of a copy is to do.
type side struct {
	Title string `json:"title"` // begins an error
	ID    string `json:"id"`
	// PID and Start are of the first process; 0 for a container that does not run.
	PID   int    `json:"pid,omitempty"`
	Start uint64 `json:"start,omitempty"`
	Path  string `json:"path"`
	// Pack reads; else the side unpacks.
	Pack bool   `json:"pack,omitempty"`
	Name string `json:"name,omitempty"` // in the stream

	// For unpacking.
	From      string `json:"from,omitempty"`  // in the same container, in place of a stream
	Chown     bool   `json:"chown,omitempty"` // to the container's user
	Overwrite bool   `json:"overwrite,omitempty"`
	Foreign   bool   `json:"foreign,omitempty"` // not from Pack: standard input is the user's

	// ids are the container's where it runs in a user namespace of its own within the side's: its files are
	// shown with other owners then, whom the container knows by these. On disk they have the latter.
	ids *userns.Map
}

func (s side) encode() string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings, numbers and booleans
	}
	return string(data)
}

// RunSide is SideVerb: it packs to out, or unpacks from in.
func RunSide(ctx context.Context, cfg *config.Config, encoded string, in io.Reader, out io.Writer, warn func(error)) error {
	var s side
	if err := json.Unmarshal([]byte(encoded), &s); err != nil {
		return errs.Invalidf("%s: rc calls it by itself", SideVerb)
	}
	err := s.run(ctx, cfg, in, out, warn)
	if _, silent := errors.AsType[errs.Exit](err); err != nil && !silent {
		return fmt.Errorf("%s: %w", s.Title, err)
	}
	return err
}

func (s side) run(ctx context.Context, cfg *config.Config, in io.Reader, out io.Writer, warn func(error)) error {
	c, err := records.Of(cfg).Load(s.ID)
	if err != nil {
		return err
	}
	root, release, err := s.open(ctx, cfg, c)
	if err != nil {
		return err
	}
	if s.ids, err = s.idsOf(c); err != nil {
		return errors.Join(err, release())
	}
	switch {
	case s.Pack:
		err = s.pack(ctx, root, out, warn)
	case s.From != "":
		err = s.both(ctx, root, c, warn)
	default:
		err = s.unpack(ctx, root, c, in, warn)
	}
	return errors.Join(err, release())
}

// both packs and unpacks.
func (s side) both(ctx context.Context, root *os.File, c *spec.Container, warn func(error)) error {
	r, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := side{Path: s.From, Name: s.Name, ids: s.ids}.pack(ctx, root, w, warn)
		w.CloseWithError(err)
		packed <- err
	}()
	err := s.unpack(ctx, root, c, r, warn)
	r.CloseWithError(unix.EPIPE)
	if packErr := <-packed; packErr != nil {
		if exit, ok := errors.AsType[errs.Exit](packErr); !ok || int(exit) != codePipe || err == nil {
			return packErr
		}
	}
	return err
}

// open opens the container's root directory.
func (s side) open(ctx context.Context, cfg *config.Config, c *spec.Container) (*os.File, func() error, error) {
	if s.PID != 0 {
		root, err := runningRoot(s.PID, s.Start)
		if err != nil {
			return nil, nil, err
		}
		return root, root.Close, nil
	}
	dir, err := hold(ctx, records.Of(cfg), s.ID)
	if err != nil {
		return nil, nil, err
	}
	if err := records.Of(cfg).CheckUnmounted(s.ID); err != nil {
		return nil, nil, errors.Join(err, dir.Close())
	}
	root, unmount, err := mountStopped(ctx, cfg, c, !s.Pack)
	if err != nil {
		return nil, nil, errors.Join(err, dir.Close())
	}
	return root, func() error { return errors.Join(unmount(), dir.Close()) }, nil
}

func (s side) pack(ctx context.Context, root *os.File, out io.Writer, warn func(error)) error {
	top, err := linux.OpenInRoot(int(root.Fd()), s.Path, unix.O_PATH)
	if errors.Is(err, unix.ENOENT) {
		err = errs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%q: %w", s.Path, err)
	}
	defer unix.Close(top)
	if err := needDirectory(top, s.Name, s.Path); err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 64<<10)
	// Terminals of a container belong to nobody there: podman leaves them out, too.
	o := archive.PackOptions{Name: s.Name, Denied: true, Warn: warn}
	if s.ids != nil {
		o.Owner = owners(*s.ids)
	}
	err = archive.Pack(ctx, w, top, o)
	if err == nil {
		err = w.Flush()
	}
	if errors.Is(err, unix.EPIPE) {
		return errs.Exit(codePipe)
	}
	return err
}

// needDirectory refuses "/." and "/" behind what is no directory.
func needDirectory(fd int, name, path string) error {
	if name != "." && path[len(path)-1] != '/' {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return errs.Invalidf("%q: not a directory", path)
	}
	return nil
}

func (s side) unpack(ctx context.Context, root *os.File, c *spec.Container, in io.Reader, warn func(error)) error {
	o := archive.UnpackOptions{
		Owner:     func(uid, gid int) (int, int) { return uid, gid },
		Overwrite: s.Overwrite, Foreign: s.Foreign, Warn: warn,
	}
	if s.Chown {
		uid, gid, err := owner(root, c)
		if err != nil {
			return err
		}
		o.Owner = func(int, int) (int, int) { return uid, gid }
	}
	if s.ids != nil {
		o.Owner = outside(*s.ids, o.Owner)
	}
	if s.Foreign {
		var err error
		if in, err = decompress(in); err != nil {
			return err
		}
	}
	return archive.Unpack(ctx, in, archive.Dest{Root: int(root.Fd()), Path: s.Path}, o)
}

// idsOf is ids.
func (s side) idsOf(c *spec.Container) (*userns.Map, error) {
	if s.PID == 0 || !spec.HasNamespace(&c.OCI, specs.UserNamespace) {
		return nil, nil
	}
	m, err := userns.MapOf(s.PID)
	return &m, err
}

// outside makes numbers of the side's of a container's.
func outside(ids userns.Map, owner func(uid, gid int) (int, int)) func(uid, gid int) (int, int) {
	return func(uid, gid int) (int, int) {
		u, g := overflow, overflow
		uid, gid = owner(uid, gid)
		if id, ok := ids.HostUID(uint32(uid)); ok {
			u = int(id)
		}
		if id, ok := ids.HostGID(uint32(gid)); ok {
			g = int(id)
		}
		return u, g
	}
}

// owner is the container's user, whose the files become.
func owner(root *os.File, c *spec.Container) (uid, gid int, err error) {
	p := c.OCI.Process
	if p == nil || p.User.Username == "" {
		if p == nil {
			return 0, 0, nil
		}
		return int(p.User.UID), int(p.User.GID), nil
	}
	u, g, err := oci.Account(int(root.Fd()), p.User.Username)
	if err != nil {
		return 0, 0, errs.WithHint(err, "use --archive=false to keep the owners that the files have")
	}
	return int(u), int(g), nil
}

// decompress takes gzip off an archive of the user's.
func decompress(in io.Reader) (io.Reader, error) {
	r := bufio.NewReaderSize(in, 64<<10)
	head, err := r.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	switch {
	case len(head) == 0:
		return nil, errs.Invalidf("read archive: it is empty")
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("read archive: %w", err)
		}
		return z, nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return nil, errs.WithHint(errs.Unsupportedf("read archive: it is compressed with bzip2"), "bzip2 -dc FILE, and - in its place")
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return nil, errs.WithHint(errs.Unsupportedf("read archive: it is compressed with xz"), "xz -dc FILE, and - in its place")
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return nil, errs.WithHint(errs.Unsupportedf("read archive: it is compressed with zstd"), "zstd -dc FILE, and - in its place")
	}
	return r, nil
}
