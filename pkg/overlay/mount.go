package overlay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Root says what a root filesystem is made of. All paths are absolute and exist, but for
// Target's content.
type Root struct {
	Lower    []string // topmost first; at least one
	Upper    string   // "" for a mount that is only read, of two layers at least
	Work     string   // on the file system of Upper
	Target   string   // an empty directory, on which it is mounted
	Program  string   // Auto, Native, Fuse, or the path of a fuse-overlayfs
	Volatile bool     // never sync: what is written goes with the mount
	// UIDs and GIDs, where they are set, show each ContainerID on disk as HostID, and write back
	// the other way round. An id that is in neither list is shown as nobody's.
	UIDs, GIDs []specs.LinuxIDMapping
}

// Shifts tells whether the owners of files are shown as others than they are on disk.
func (r Root) Shifts() bool { return shifts(r.UIDs) || shifts(r.GIDs) }

func shifts(ids []specs.LinuxIDMapping) bool {
	return slices.ContainsFunc(ids, func(m specs.LinuxIDMapping) bool { return m.ContainerID != m.HostID })
}

// program is what can mount the root, of what is wished for: the kernel's overlayfs shifts no ids.
func (r Root) program() (string, error) {
	switch {
	case !r.Shifts():
		return r.Program, nil
	case r.Program == Native:
		return "", errs.WithHint(errs.Unsupportedf("mount program native: the kernel's overlayfs cannot show files with other owners, "+
			"as this container's user namespace needs it"), "--storage-opt mount_program=auto, or --userns host")
	case r.Program == Auto || r.Program == "":
		return Fuse, nil
	}
	return r.Program, nil
}

// Mount mounts r in the caller's mount namespace and says by what. With Auto, a kernel
// that refuses the native mount is no error: fuse-overlayfs does it then. The mount ends
// with the namespace, or by Unmount.
func Mount(ctx context.Context, r Root) (Choice, error) {
	wish, err := r.program()
	if err != nil {
		return Choice{}, err
	}
	choice, err := Choose(wish, r.top())
	if err != nil {
		return Choice{}, err
	}
	if choice.Program == Native {
		err := mountNative(r)
		if err == nil || r.Program == Native {
			return choice, err
		}
		choice = Choice{Fuse, "the kernel's overlayfs refused: " + err.Error()}
	}
	return choice, mountFuse(ctx, r)
}

// top is the directory whose file system decides what can mount the root.
func (r Root) top() string {
	if r.Upper == "" {
		return r.Lower[0]
	}
	return r.Upper
}

// Unmount takes the root away, at once where nothing uses it and lazily elsewhere.
func Unmount(target string) error {
	if err := unix.Unmount(target, 0); err == nil || errors.Is(err, unix.EINVAL) {
		return nil
	}
	if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %q: %w", target, err)
	}
	return nil
}

func mountNative(r Root) error {
	// An overlay that was mounted volatile refuses to be mounted again (EINVAL) while this
	// directory is there: Documentation/filesystems/overlayfs.rst, "Volatile mount".
	if r.Upper != "" {
		if err := os.RemoveAll(filepath.Join(r.Work, "work/incompat/volatile")); err != nil {
			return fmt.Errorf("mount overlay: %w", err)
		}
	}
	data := options(r, "userxattr")
	if len(data) < os.Getpagesize() && plain(r) {
		return overlay(r.Target, data)
	}
	return mountByShortNames(r)
}

func overlay(target, data string) error {
	if err := unix.Mount("overlay", target, "overlay", 0, data); err != nil {
		return fmt.Errorf("mount overlay on %q: %w", target, err)
	}
	return nil
}

// mountByShortNames serves roots whose options do not fit the one page that mount(2)
// takes, or whose paths hold what the option syntax needs: every directory gets a
// symbolic link with a number for its name, in a tmpfs that only this call sees.
func mountByShortNames(r Root) (err error) {
	if err := unix.Mount("tmpfs", r.Target, "tmpfs", 0, "mode=700"); err != nil {
		return fmt.Errorf("mount tmpfs on %q: %w", r.Target, err)
	}
	back, err := os.Open(".")
	if err != nil {
		return err
	}
	defer back.Close()
	short := r
	err = os.Chdir(r.Target)
	if err == nil {
		defer func() { err = errors.Join(err, back.Chdir()) }()
		short.Lower = make([]string, len(r.Lower))
		for i, dir := range r.Lower {
			short.Lower[i] = strconv.Itoa(i)
			err = errors.Join(err, os.Symlink(dir, short.Lower[i]))
		}
		if r.Upper != "" {
			short.Upper, short.Work = "u", "w"
			err = errors.Join(err, os.Symlink(r.Upper, "u"), os.Symlink(r.Work, "w"))
		}
	}
	// The working directory keeps the tmpfs alive until the overlay has looked the names up.
	if uerr := unix.Unmount(r.Target, unix.MNT_DETACH); err != nil || uerr != nil {
		return fmt.Errorf("mount overlay: name the layers: %w", errors.Join(err, uerr))
	}
	data := options(short, "userxattr")
	if len(data) >= os.Getpagesize() {
		return errs.Unsupportedf("mount overlay: %d layers are more than mount(2) takes", len(r.Lower))
	}
	return overlay(r.Target, data)
}

// plain tells whether no path holds a character that the option syntax uses.
func plain(r Root) bool {
	for _, dir := range append([]string{r.Upper, r.Work}, r.Lower...) {
		if strings.ContainsAny(dir, `\:,`) {
			return false
		}
	}
	return true
}

func options(r Root, extra ...string) string {
	opts := []string{"lowerdir=" + strings.Join(r.Lower, ":")}
	if r.Upper != "" {
		opts = append(opts, "upperdir="+r.Upper, "workdir="+r.Work)
	}
	opts = append(opts, extra...)
	if r.Volatile {
		opts = append(opts, "volatile")
	}
	if r.Shifts() {
		opts = append(opts, "uidmapping="+mapping(r.UIDs), "gidmapping="+mapping(r.GIDs))
	}
	return strings.Join(opts, ",")
}

// mapping is fuse-overlayfs's form of a map: on disk, shown, how many; all with colons between them.
func mapping(ids []specs.LinuxIDMapping) string {
	var parts []string
	for _, m := range ids {
		parts = append(parts, fmt.Sprintf("%d:%d:%d", m.ContainerID, m.HostID, m.Size))
	}
	return strings.Join(parts, ":")
}

// mountFuse starts fuse-overlayfs, which returns when the mount is there and goes on as
// a process of the caller's pid namespace.
func mountFuse(ctx context.Context, r Root) error {
	program := Fuse
	if filepath.IsAbs(r.Program) {
		program = r.Program
	}
	if err := checkFuse(program); err != nil {
		return err
	}
	for _, dir := range r.Lower {
		// fuse-overlayfs (1.10 to 1.14) splits at every colon, whatever stands before it.
		if strings.Contains(dir, ":") {
			return errs.WithHint(errs.Unsupportedf("mount with fuse-overlayfs: a colon in %q", dir),
				"keep the data in a directory without a colon, with --root")
		}
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "-o", options(escaped(r)), r.Target)
	cmd.Dir = "/"
	cmd.Stderr = &stderr
	// The daemon inherits standard error: waiting for its end would be waiting for ever.
	cmd.WaitDelay = 1
	err := cmd.Run()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	if text := bytes.TrimSpace(stderr.Bytes()); len(text) > 0 {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return fmt.Errorf("mount %q with fuse-overlayfs: %w", r.Target, err)
}

func checkFuse(program string) error {
	if _, err := exec.LookPath(program); err != nil {
		return errs.WithCheck(fmt.Errorf("%s: %w", program, errs.ErrNotFound),
			"install the package fuse-overlayfs, or use --storage-opt mount_program=native (Linux 5.11 or newer)", "fuse")
	}
	dev, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return errs.WithCheck(fmt.Errorf("fuse-overlayfs: %w", err),
			"load the module (sudo modprobe fuse) and let users open it (sudo chmod 666 /dev/fuse), "+
				"or use --storage-opt mount_program=native", "fuse")
	}
	return dev.Close()
}

// escaped is r with what separates libfuse's options escaped.
func escaped(r Root) Root {
	esc := strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace
	lower := make([]string, len(r.Lower))
	for i, dir := range r.Lower {
		lower[i] = esc(dir)
	}
	r.Lower, r.Upper, r.Work = lower, esc(r.Upper), esc(r.Work)
	return r
}
