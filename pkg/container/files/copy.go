package files

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/archive"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/userns"
)

// CopyOptions say how Copy copies.
type CopyOptions struct {
	// Chown gives what goes into a container to the container's user; else owners stay as they are.
	Chown bool
	// Overwrite replaces directories by files, and files by directories.
	Overwrite bool
	Streams   session.Streams
}

// Copy copies a file or a directory out of, into, or between containers. What was wrong has
// been said on standard error where the error is an errs.Exit.
func Copy(ctx context.Context, cfg *config.Config, src, dst End, o CopyOptions) error {
	c := &copying{cfg: cfg, o: o, src: src, dst: dst}
	from, err := c.find(src)
	if err != nil {
		return err
	}
	to, err := c.find(dst)
	if err != nil {
		return err
	}
	within := from != nil && to != nil && from.ID == to.ID
	if within && inside(src.Path, dst.Path) {
		return errs.Invalidf("%s: it would be copied into itself", c.title())
	}
	if within {
		err = c.within(ctx, to)
	} else {
		err = c.run(ctx, from, to)
	}
	if err != nil {
		if _, told := errors.AsType[errs.Exit](err); told {
			return err
		}
		return fmt.Errorf("%s: %w", c.title(), err)
	}
	return nil
}

// copying is one rc cp.
type copying struct {
	cfg      *config.Config
	o        CopyOptions
	src, dst End
}

func (c *copying) title() string { return fmt.Sprintf("copy %q to %q", c.src, c.dst) }

// find finds the container of an end, nil for none, and refuses one whose files cannot be had.
func (c *copying) find(e End) (*state.Entry, error) {
	if e.Container == "" {
		return nil, nil
	}
	entry, err := records.Of(c.cfg).Find(e.Container)
	if errors.Is(err, errs.ErrNotFound) {
		if _, statErr := os.Lstat(e.String()); statErr == nil {
			return nil, errs.WithHint(err, fmt.Sprintf("rc cp ./%s …, if the file of that name is meant", e))
		}
	}
	if err != nil {
		return nil, err
	}
	switch {
	case entry.Starting:
		err = fmt.Errorf("copy %q: %w: the container is being started; try again", e, errs.ErrState)
	case entry.Alive() && (entry.State == nil || entry.State.PID == 0):
		err = fmt.Errorf("copy %q: %w: the container is between two lives; try again", e, errs.ErrState)
	case !entry.Alive():
		// The side asks again, and cannot tell a mount that has gone from one that is there.
		err = records.Of(c.cfg).CheckUnmounted(entry.ID)
	}
	return entry, err
}

// run connects both ends by a pipe and waits for them.
func (c *copying) run(ctx context.Context, from, to *state.Entry) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	packed := make(chan *outcome, 1)
	in, out := r, w
	if c.src.Stream() {
		in = c.o.Streams.In
	}
	if c.dst.Stream() {
		out = c.o.Streams.Out
	}
	go func() {
		defer w.Close()
		switch {
		case c.src.Stream():
			packed <- &outcome{}
		case from != nil:
			packed <- c.side(ctx, from, side{Pack: true, Path: c.src.Path, Name: c.src.name()}, nil, out)
		default:
			packed <- &outcome{err: c.packLocal(ctx, to, out)}
		}
	}()
	var unpacked *outcome
	switch {
	case c.dst.Stream():
		unpacked = &outcome{}
	case to != nil:
		unpacked = c.side(ctx, to, side{
			Path: c.dst.Path, Chown: c.o.Chown, Overwrite: c.o.Overwrite, Foreign: c.src.Stream(),
		}, in, nil)
	default:
		unpacked = &outcome{err: c.unpackLocal(ctx, in)}
	}
	r.Close() // who still writes notices
	return c.judge(ctx, <-packed, unpacked)
}

// within copies from a container to itself, in one process: its root can be mounted once only.
func (c *copying) within(ctx context.Context, e *state.Entry) error {
	o := c.side(ctx, e, side{
		From: c.src.Path, Name: c.src.name(), Path: c.dst.Path, Chown: c.o.Chown, Overwrite: c.o.Overwrite,
	}, nil, nil)
	return c.judge(ctx, &outcome{}, o)
}

// outcome is how one end fared.
type outcome struct {
	err error
	// said is what a side wrote to standard error: warnings, and its error where err is an errs.Exit.
	said bytes.Buffer
}

// pipe says that the end has failed only because the other one did.
func (o *outcome) pipe() bool {
	exit, ok := errors.AsType[errs.Exit](o.err)
	return errors.Is(o.err, unix.EPIPE) || ok && int(exit) == codePipe
}

// judge prints what the sides have said and gives the error that came first: an archive that
// is cut off is what follows from an error of the end that packs.
func (c *copying) judge(ctx context.Context, packed, unpacked *outcome) error {
	if ctx.Err() != nil && (packed.err != nil || unpacked.err != nil) {
		return errors.New("interrupted") // whatever each has made of that
	}
	first, other := packed, unpacked
	if packed.err == nil || packed.pipe() && unpacked.err != nil {
		first, other = unpacked, packed
	}
	if first.err == nil {
		_, _ = c.o.Streams.Err.Write(other.said.Bytes())
	}
	_, _ = c.o.Streams.Err.Write(first.said.Bytes())
	return first.err
}

// side runs rc once more in the namespace of a container.
func (c *copying) side(ctx context.Context, e *state.Entry, s side, in, out *os.File) *outcome {
	o := &outcome{}
	r, w, err := os.Pipe()
	if err != nil {
		return &outcome{err: err}
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		const enough = 1 << 20
		_, _ = io.Copy(&o.said, io.LimitReader(r, enough))
		_, _ = io.Copy(io.Discard, r)
	}()
	s.ID, s.Title = e.ID, c.title()
	if e.Alive() {
		s.PID, s.Start = e.State.PID, e.State.PIDStart
	}
	command := userns.Command{Stdin: in, Stdout: out, Stderr: w}
	code, err := c.call(ctx, e, command, s)
	w.Close()
	<-drained
	r.Close()
	if err == nil && code != 0 {
		err = errs.Exit(code)
	}
	o.err = err
	return o
}

func (c *copying) call(ctx context.Context, e *state.Entry, command userns.Command, s side) (int, error) {
	args := []string{"--root", c.cfg.DataRoot, "--runroot", c.cfg.RunRoot, "--tmpdir", c.cfg.TmpDir, SideVerb, s.encode()}
	if e.Alive() {
		return join(ctx, e.State.ShimPID, command, args)
	}
	ids, err := userns.DefaultMap(ctx)
	if err != nil {
		return 0, err
	}
	container.TellSingle(c.o.Streams.Err, c.cfg, ids)
	command.Path, command.Args = "/proc/self/exe", append([]string{userns.Role}, args...)
	// With the side ends whatever it started: fuse-overlayfs must not be left.
	command.Flags = unix.CLONE_NEWPID
	return userns.Run(ctx, ids, command)
}

// join runs rc in the user namespace of a container's shim.
func join(ctx context.Context, shim int, command userns.Command, args []string) (int, error) {
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		return 0, err
	}
	defer exe.Close()
	// By a descriptor: /proc/self/exe is nsenter's there, and the file may have been replaced.
	command.Path, command.Args = "/proc/self/fd/3", append([]string{"rc"}, args...)
	command.Files = []*os.File{exe}
	p, err := userns.Join(ctx, shim, command)
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.Signal(unix.SIGTERM) })
	defer stop()
	return p.Wait()
}

// packLocal packs the user's own files, for a container.
func (c *copying) packLocal(ctx context.Context, to *state.Entry, out io.Writer) error {
	top, err := unix.Open(c.src.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		err = errs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%q: %w", c.src.Path, err)
	}
	defer unix.Close(top)
	if err := needDirectory(top, c.src.name(), c.src.Path); err != nil {
		return err
	}
	o := archive.PackOptions{Name: c.src.name(), Warn: c.warn}
	if !c.o.Chown {
		ids, err := userns.DefaultMap(ctx)
		if err != nil {
			return err
		}
		if o.Owner, err = c.ownersIn(to, owners(ids)); err != nil {
			return err
		}
	}
	w := bufio.NewWriterSize(out, 64<<10)
	if err := archive.Pack(ctx, w, top, o); err != nil {
		return err
	}
	return w.Flush()
}

// ownersIn goes on from numbers of the default map to those of a container with a user namespace of its own.
func (c *copying) ownersIn(to *state.Entry, owner func(uid, gid uint32) (int, int)) (func(uid, gid uint32) (int, int), error) {
	if to == nil {
		return owner, nil
	}
	record, err := records.Of(c.cfg).Load(to.ID)
	if err != nil || len(record.OCI.Linux.UIDMappings) == 0 {
		return owner, err
	}
	own := owners(userns.Map{UIDs: record.OCI.Linux.UIDMappings, GIDs: record.OCI.Linux.GIDMappings})
	return func(uid, gid uint32) (int, int) {
		u, g := owner(uid, gid)
		return own(uint32(u), uint32(g))
	}, nil
}

// unpackLocal makes files of the user's own.
func (c *copying) unpackLocal(ctx context.Context, in io.Reader) error {
	path, err := c.dst.local()
	if err != nil {
		return err
	}
	root, err := os.OpenFile("/", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer root.Close()
	return archive.Unpack(ctx, in, archive.Dest{Root: int(root.Fd()), Path: path}, archive.UnpackOptions{
		Confined: true, Overwrite: c.o.Overwrite, Warn: c.warn,
	})
}

func (c *copying) warn(err error) {
	fmt.Fprintf(c.o.Streams.Err, "Warning: copy %q: %v\n", c.src, err)
}

// overflow is the id of those that a namespace does not have, user_namespaces(7).
const overflow = 65534

// owners translates ids of the host to those of containers.
func owners(ids userns.Map) func(uid, gid uint32) (int, int) {
	return func(uid, gid uint32) (int, int) {
		u, g := overflow, overflow
		if id, ok := ids.ContainerUID(uid); ok {
			u = int(id)
		}
		if id, ok := ids.ContainerGID(gid); ok {
			g = int(id)
		}
		return u, g
	}
}
