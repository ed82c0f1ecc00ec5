package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// paxAttribute begins the PAX records that hold extended attributes, as GNU tar, star and
// Go have them.
const paxAttribute = "SCHILY.xattr."

// capability is the attribute with a file's capabilities, capabilities(7).
const capability = "security.capability"

// Revisions of a file's capabilities, linux/capability.h: the third names the root of the user
// namespace in which they count.
const (
	capRevision  = 3 // byte of the little-endian magic number
	capRevision2 = 2
	capRevision3 = 3
	capLength2   = 20
)

// withoutRoot makes of capabilities that count in one user namespace those that an image can
// have, which count wherever its files are root's.
func withoutRoot(value []byte) []byte {
	if len(value) <= capLength2 || value[capRevision] != capRevision3 {
		return value
	}
	value = value[:capLength2]
	value[capRevision] = capRevision2
	return value
}

// carried says whether an attribute is copied: what is a user's own, but for that by which
// overlay file systems steer themselves, and file capabilities.
func carried(name string) bool {
	if name == capability {
		return true
	}
	own, ok := strings.CutPrefix(name, "user.")
	return ok && !strings.HasPrefix(own, "overlay.") && !strings.HasPrefix(own, "fuseoverlayfs.") && !strings.HasPrefix(own, "containers.")
}

// listAttributes are the names of those of an open file that are copied.
func listAttributes(fd int) ([]string, error) {
	for {
		size, err := unix.Flistxattr(fd, nil)
		if size == 0 || errors.Is(err, unix.ENOTSUP) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		list := make([]byte, size)
		size, err = unix.Flistxattr(fd, list)
		if errors.Is(err, unix.ERANGE) {
			continue // there are more now
		}
		if err != nil {
			return nil, err
		}
		var names []string
		for name := range strings.SplitSeq(string(list[:size]), "\x00") {
			if carried(name) {
				names = append(names, name)
			}
		}
		return names, nil
	}
}

// Attributes gives those extended attributes of an open file that are copied. layer has capabilities as an
// image can have them.
func Attributes(fd int, layer bool) (map[string]string, error) {
	names, err := listAttributes(fd)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	all := make(map[string]string, len(names))
	for _, name := range names {
		value, err := attribute(fd, name)
		switch {
		case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.EPERM), errors.Is(err, unix.EOVERFLOW):
			continue // EOVERFLOW: capabilities of another user namespace
		case err != nil:
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		if layer && name == capability {
			value = withoutRoot(value)
		}
		all[name] = string(value)
	}
	return all, nil
}

// Records are the PAX records that hold attributes.
func Records(attributes map[string]string) map[string]string {
	if len(attributes) == 0 {
		return nil
	}
	records := make(map[string]string, len(attributes))
	for name, value := range attributes {
		records[paxAttribute+name] = value
	}
	return records
}

// FromRecords gives those attributes in PAX records that are copied.
func FromRecords(records map[string]string) map[string]string {
	var all map[string]string
	for key, value := range records {
		name, ok := strings.CutPrefix(key, paxAttribute)
		if !ok || !carried(name) {
			continue
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = value
	}
	return all
}

func attribute(fd int, name string) ([]byte, error) {
	value := make([]byte, 64<<10) // XATTR_SIZE_MAX, xattr(7)
	n, err := unix.Fgetxattr(fd, name, value)
	if err != nil {
		return nil, err
	}
	return value[:n], nil
}

// setAttributes gives an open file what its entry has. Capabilities are for root of a
// user namespace to set; elsewhere, and on file systems without attributes, they are left out.
func setAttributes(fd int, h *tar.Header) error {
	for name, value := range FromRecords(h.PAXRecords) {
		err := unix.Fsetxattr(fd, name, []byte(value), 0)
		if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) {
			continue
		}
		if err != nil {
			return fmt.Errorf("set attribute %q: %w", name, err)
		}
	}
	return nil
}
