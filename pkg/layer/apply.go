package layer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Options say how a layer is unpacked.
type Options struct {
	// UIDs and GIDs are the ids that exist here: an owner beyond them is an error.
	UIDs, GIDs []specs.LinuxIDMapping
	// Squash gives everything to 0:0, for users that have no other ids.
	Squash bool
	// DotWh leaves whiteouts as ".wh." files.
	DotWh bool
}

// Result says what was unpacked.
type Result struct {
	UIDs, GIDs []uint32 // owners, sorted
	// RootMode is the mode of "/" where the archive has an entry for it.
	RootMode *os.FileMode
	// DotWh says that ".wh." files were written.
	DotWh bool
	// Devices are the device nodes that were left out.
	Devices []string
}

// ErrOwner is wrapped by errors about an owner that does not exist in the namespace.
var ErrOwner = errors.New("owner outside of the user namespace")

// Apply unpacks an uncompressed tar archive into dir, which is empty and the caller's to delete
// after an error. It reads to the end of the archive, not of r.
func Apply(ctx context.Context, r io.Reader, dir string, o Options) (*Result, error) {
	root, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	u := &unpacker{
		root: root, o: o, buf: make([]byte, 256<<10), parent: -1,
		uids: make(map[int]bool), gids: make(map[int]bool), whiteouts: make(map[string]bool),
	}
	defer u.forget()
	tr := tar.NewReader(r)
	for {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read layer: %w", truncated(err))
		}
		if err := u.entry(h, tr); err != nil {
			return nil, entryError(h, err)
		}
	}
	if err := u.finish(); err != nil {
		return nil, err
	}
	u.res.UIDs, u.res.GIDs = sorted(u.uids), sorted(u.gids)
	return &u.res, nil
}

// truncated says in plain words that an archive ended too early.
func truncated(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errs.Invalidf("the archive is cut off")
	}
	if errors.Is(err, tar.ErrHeader) {
		return errs.Invalidf("it is not a tar archive, or a damaged one")
	}
	return err
}

func entryError(h *tar.Header, err error) error {
	err = fmt.Errorf("unpack %q: %w", h.Name, truncated(err))
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		err = errs.WithCheck(err, "free some space, or keep images elsewhere with --root DIR", "disk")
	}
	return err
}

type unpacker struct {
	root *os.File
	o    Options
	res  Result
	buf  []byte

	// The parent directory of the entry before this one: most entries share it.
	parent     int
	parentName string

	uids, gids map[int]bool
	// whiteouts are the names that this layer deletes from the ones below, see replaced.
	whiteouts map[string]bool
	dirs      []dirTime
}

// dirTime is set at the end: making a file in a directory changes it.
type dirTime struct {
	name  string
	times [2]unix.Timespec
}

func sorted(ids map[int]bool) []uint32 {
	out := make([]uint32, 0, len(ids))
	for id := range ids {
		out = append(out, uint32(id))
	}
	slices.Sort(out)
	return out
}

// clean is an entry's name relative to the root; "." is the root itself.
func clean(name string) (string, error) {
	c := path.Clean(strings.TrimLeft(name, "/"))
	if c == ".." || strings.HasPrefix(c, "../") {
		return "", errs.Invalidf("the name leads out of the root directory")
	}
	if strings.ContainsRune(c, 0) {
		return "", errs.Invalidf("the name has a zero byte")
	}
	return c, nil
}

// entry makes one entry of the archive.
func (u *unpacker) entry(h *tar.Header, r io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := clean(h.Name)
	if err != nil {
		return err
	}
	if name == "." {
		return u.rootEntry(h)
	}
	dir, base := path.Split(name)
	parent, err := u.open(dir)
	if err != nil {
		return err
	}
	if parent < 0 {
		return nil // below something that this layer deletes
	}
	if strings.HasPrefix(base, whiteoutPrefix) {
		return u.whiteout(parent, name, base)
	}
	if err := u.owner(h); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return u.directory(parent, name, base, h)
	case tar.TypeReg, tar.TypeGNUSparse:
		return u.regular(parent, name, base, h, r)
	case tar.TypeSymlink:
		err = u.replacing(parent, name, base, func() error { return unix.Symlinkat(h.Linkname, parent, base) })
	case tar.TypeLink:
		return u.link(parent, name, base, h)
	case tar.TypeFifo:
		err = u.replacing(parent, name, base, func() error { return unix.Mknodat(parent, base, unix.S_IFIFO|0o600, 0) })
	case tar.TypeChar, tar.TypeBlock:
		u.res.Devices = append(u.res.Devices, name)
		return nil
	default:
		return errs.Unsupportedf("entries of type %q are unknown", h.Typeflag)
	}
	if err != nil {
		return err
	}
	return u.attributes(parent, base, h)
}

// owner sees to it that the owner exists here, before anything is made.
func (u *unpacker) owner(h *tar.Header) error {
	if u.o.Squash {
		h.Uid, h.Gid = 0, 0
	}
	u.uids[h.Uid], u.gids[h.Gid] = true, true
	return CheckOwner(h.Uid, h.Gid, u.o)
}

// CheckOwner says whether an owner exists here; ErrOwner says that it does not.
func CheckOwner(uid, gid int, o Options) error {
	if contains(o.UIDs, uid) && contains(o.GIDs, gid) {
		return nil
	}
	return ownerError(uid, gid, o)
}

func ownerError(uid, gid int, o Options) error {
	err := fmt.Errorf("%w: it belongs to %d:%d, your ranges in /etc/subuid and /etc/subgid reach to %d:%d",
		ErrOwner, uid, gid, last(o.UIDs), last(o.GIDs))
	need := max(uid, gid, 65536)
	return errs.WithCheck(err, fmt.Sprintf("have a range of at least %d ids added to both files (for example: "+
		"sudo usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST $USER, with numbers that no other user has), then try again", need), "subuid")
}

func last(m []specs.LinuxIDMapping) int64 {
	n := int64(-1)
	for _, e := range m {
		n = max(n, int64(e.ContainerID)+int64(e.Size)-1)
	}
	return n
}

func contains(m []specs.LinuxIDMapping, id int) bool {
	for _, e := range m {
		if int64(id) >= int64(e.ContainerID) && int64(id) < int64(e.ContainerID)+int64(e.Size) {
			return true
		}
	}
	return false
}

// finish sets the times of directories, deepest and latest last.
func (u *unpacker) finish() error {
	u.forget()
	for _, d := range slices.Backward(u.dirs) {
		fd, err := u.resolve(d.name)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			continue // replaced by a later entry
		}
		if err != nil {
			return fmt.Errorf("unpack %q: %w", d.name, err)
		}
		err = setTimes(fd, d.times)
		unix.Close(fd)
		if err != nil {
			return fmt.Errorf("unpack %q: set times: %w", d.name, err)
		}
	}
	return nil
}

func times(h *tar.Header) [2]unix.Timespec {
	at := h.AccessTime
	if at.Before(h.ModTime) {
		at = h.ModTime
	}
	return [2]unix.Timespec{timespec(at), timespec(h.ModTime)}
}

// timespec: a time that does not fit is the epoch, as tar programs do.
func timespec(t time.Time) unix.Timespec {
	if t.Unix() < 0 {
		t = time.Unix(0, 0)
	}
	return unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
}
