package oci

import (
	"fmt"
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/wire"
)

// mount is one entry of Spec.Mounts with its options read.
type mount struct {
	target string // clean and absolute, in the container
	kind   string // file system; "bind" for bind mounts
	source string

	recursive bool   // rbind
	set       uint64 // MOUNT_ATTR_* to set on the mount
	clear     uint64 // MOUNT_ATTR_* to clear
	setAll    uint64 // MOUNT_ATTR_* to set on it and everything below (rro, …)
	clearAll  uint64
	// propagation is MS_* with MS_REC, 0 is private.
	propagation uint64
	data        string // options for the file system
	copyUp      bool
	chown       bool // "U": what is in the source becomes the container's user's
	top         bool // "ro-top": what is mounted below the source is not made read-only
	copyLink    bool // "copy-symlink": a source that is a symbolic link is copied
}

func (m *mount) fields(c *wire.Coder) {
	c.Text(&m.target)
	c.Text(&m.kind)
	c.Text(&m.source)
	c.Flag(&m.recursive)
	wire.Number(c, &m.set)
	wire.Number(c, &m.clear)
	wire.Number(c, &m.setAll)
	wire.Number(c, &m.clearAll)
	wire.Number(c, &m.propagation)
	c.Text(&m.data)
	c.Flag(&m.copyUp)
	c.Flag(&m.chown)
	c.Flag(&m.top)
	c.Flag(&m.copyLink)
}

// The kinds of mounts that have a way of their own.
const (
	kindBind   = "bind"
	kindProc   = "proc"
	kindSysfs  = "sysfs"
	kindTmpfs  = "tmpfs"
	kindRamfs  = "ramfs"
	kindDevpts = "devpts"
	kindMqueue = "mqueue"
	kindCgroup = "cgroup2"
)

// parseMount reads a mount of the runtime description.
func parseMount(s *specs.Mount) (mount, error) {
	m := mount{kind: s.Type, source: s.Source}
	refuse := func(format string, args ...any) (mount, error) {
		return mount{}, fmt.Errorf("mount on %q: %s: %w", s.Destination, fmt.Sprintf(format, args...), errs.ErrInvalid)
	}
	if s.Destination == "" || strings.ContainsRune(s.Destination, 0) {
		return refuse("no destination")
	}
	m.target = path.Clean("/" + s.Destination)
	if m.target == "/" {
		return refuse("the root itself")
	}
	if len(s.UIDMappings) > 0 || len(s.GIDMappings) > 0 {
		return refuse("id-mapped mounts need real root")
	}
	for _, option := range s.Options {
		if option == "bind" || option == "rbind" {
			m.kind = kindBind
			m.recursive = m.recursive || option == "rbind"
		}
	}
	switch m.kind {
	case kindBind, "none", "":
		if !hasBind(s) && s.Type != kindBind {
			return refuse("no type")
		}
		m.kind = kindBind
		if !strings.HasPrefix(s.Source, "/") {
			return refuse("source %q is not an absolute path", s.Source)
		}
	case "cgroup":
		m.kind = kindCgroup
	case kindProc, kindSysfs, kindTmpfs, kindRamfs, kindDevpts, kindMqueue, kindCgroup:
	default:
		return refuse("type %q; want bind, proc, sysfs, tmpfs, ramfs, devpts, mqueue or cgroup", s.Type)
	}
	for _, option := range s.Options {
		if err := m.option(option); err != nil {
			return refuse("%s", err)
		}
	}
	return m, nil
}

func hasBind(s *specs.Mount) bool {
	for _, option := range s.Options {
		if option == "bind" || option == "rbind" {
			return true
		}
	}
	return false
}

// option takes one mount option. What is no flag of the mount is the file system's,
// except that a bind mount has no file system of its own to take it.
func (m *mount) option(option string) error {
	if option == "bind" || option == "rbind" || option == "defaults" {
		return nil
	}
	if option == "tmpcopyup" && (m.kind == kindTmpfs || m.kind == kindRamfs) || option == "copyup" && m.kind == kindBind {
		m.copyUp = true
		return nil
	}
	switch {
	case option == "U" && (m.kind == kindBind || m.kind == kindTmpfs || m.kind == kindRamfs):
		m.chown = true
		return nil
	case option == "ro-top" && m.kind == kindBind:
		m.top, m.set = true, m.set|unix.MOUNT_ATTR_RDONLY
		return nil
	case option == "copy-symlink" && m.kind == kindBind:
		m.copyLink = true
		return nil
	}
	if p, ok := propagationFlag(option); ok {
		m.propagation = p
		return nil
	}
	if attr, on, ok := attribute(option); ok {
		apply(&m.set, &m.clear, attr, on)
		return nil
	}
	if name, found := strings.CutPrefix(option, "r"); found && m.kind == kindBind {
		if attr, on, ok := attribute(name); ok {
			apply(&m.setAll, &m.clearAll, attr, on)
			return nil
		}
	}
	if m.kind == kindBind || option == "" || option == "remount" {
		return fmt.Errorf("unknown option %q", option)
	}
	if strings.ContainsAny(option, ",\x00") {
		return fmt.Errorf("option %q: holds a comma", option)
	}
	if m.data != "" {
		m.data += ","
	}
	m.data += option
	return nil
}

// apply notes that attr is wanted or not; the last word counts. The access time is one
// value of four, not four flags (mount_setattr(2)).
func apply(set, clearSet *uint64, attr uint64, on bool) {
	if attr&unix.MOUNT_ATTR__ATIME != 0 || attr == unix.MOUNT_ATTR_RELATIME {
		*set &^= unix.MOUNT_ATTR__ATIME
		*clearSet |= unix.MOUNT_ATTR__ATIME
		*set |= attr
		return
	}
	if on {
		*set |= attr
		*clearSet &^= attr
	} else {
		*set &^= attr
		*clearSet |= attr
	}
}

// attribute is the MOUNT_ATTR_* of an option of mount(8), and whether it is switched on.
func attribute(option string) (attr uint64, on, ok bool) {
	switch option {
	case "ro":
		return unix.MOUNT_ATTR_RDONLY, true, true
	case "rw":
		return unix.MOUNT_ATTR_RDONLY, false, true
	case "nosuid":
		return unix.MOUNT_ATTR_NOSUID, true, true
	case "suid":
		return unix.MOUNT_ATTR_NOSUID, false, true
	case "nodev":
		return unix.MOUNT_ATTR_NODEV, true, true
	case "dev":
		return unix.MOUNT_ATTR_NODEV, false, true
	case "noexec":
		return unix.MOUNT_ATTR_NOEXEC, true, true
	case "exec":
		return unix.MOUNT_ATTR_NOEXEC, false, true
	case "nodiratime":
		return unix.MOUNT_ATTR_NODIRATIME, true, true
	case "diratime":
		return unix.MOUNT_ATTR_NODIRATIME, false, true
	case "nosymfollow":
		return unix.MOUNT_ATTR_NOSYMFOLLOW, true, true
	case "symfollow":
		return unix.MOUNT_ATTR_NOSYMFOLLOW, false, true
	case "relatime", "norelatime", "atime", "nostrictatime":
		return unix.MOUNT_ATTR_RELATIME, true, true
	case "noatime":
		return unix.MOUNT_ATTR_NOATIME, true, true
	case "strictatime":
		return unix.MOUNT_ATTR_STRICTATIME, true, true
	}
	return 0, false, false
}

// propagationFlag is the MS_* of a propagation option (mount_namespaces(7)).
func propagationFlag(option string) (uint64, bool) {
	switch option {
	case "private":
		return unix.MS_PRIVATE, true
	case "rprivate":
		return unix.MS_PRIVATE | unix.MS_REC, true
	case "slave":
		return unix.MS_SLAVE, true
	case "rslave":
		return unix.MS_SLAVE | unix.MS_REC, true
	case "shared":
		return unix.MS_SHARED, true
	case "rshared":
		return unix.MS_SHARED | unix.MS_REC, true
	case "unbindable":
		return unix.MS_UNBINDABLE, true
	case "runbindable":
		return unix.MS_UNBINDABLE | unix.MS_REC, true
	}
	return 0, false
}

// legacyFlags are the MS_* of attributes, for mount(2).
func legacyFlags(attr uint64) uintptr {
	var flags uintptr
	for _, pair := range []struct {
		attr uint64
		flag uintptr
	}{
		{unix.MOUNT_ATTR_RDONLY, unix.MS_RDONLY},
		{unix.MOUNT_ATTR_NOSUID, unix.MS_NOSUID},
		{unix.MOUNT_ATTR_NODEV, unix.MS_NODEV},
		{unix.MOUNT_ATTR_NOEXEC, unix.MS_NOEXEC},
		{unix.MOUNT_ATTR_NOATIME, unix.MS_NOATIME},
		{unix.MOUNT_ATTR_STRICTATIME, unix.MS_STRICTATIME},
		{unix.MOUNT_ATTR_NODIRATIME, unix.MS_NODIRATIME},
		{unix.MOUNT_ATTR_NOSYMFOLLOW, unix.MS_NOSYMFOLLOW},
	} {
		if attr&pair.attr != 0 {
			flags |= pair.flag
		}
	}
	return flags
}
