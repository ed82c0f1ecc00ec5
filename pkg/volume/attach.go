package volume

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Attach mounts a volume with options on a directory, in the caller's mount namespace.
func (m Mount) Attach(path string) error {
	flags, data := m.flags()
	if m.Kind == Tmpfs {
		return unix.Mount("tmpfs", path, "tmpfs", flags, data)
	}
	recursive := uintptr(0)
	if slices.Contains(m.Options, "rbind") {
		recursive = unix.MS_REC
	}
	if err := unix.Mount(m.Device, path, "", unix.MS_BIND|recursive, ""); err != nil {
		return fmt.Errorf("%q: %w", m.Device, err)
	}
	if flags == 0 {
		return nil
	}
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return err
	}
	const locked = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME
	return unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|flags|uintptr(st.Flags)&locked, "")
}

// flags are those of mount(2), and the rest of the options.
func (m Mount) flags() (flags uintptr, data string) {
	var rest []string
	for _, option := range m.Options {
		switch option {
		case "ro":
			flags |= unix.MS_RDONLY
		case "nosuid":
			flags |= unix.MS_NOSUID
		case "nodev":
			flags |= unix.MS_NODEV
		case "noexec":
			flags |= unix.MS_NOEXEC
		default:
			if strings.Contains(option, "=") {
				rest = append(rest, option)
			}
		}
	}
	return flags, strings.Join(rest, ",")
}
