package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Distribution is what os-release(5) says.
type Distribution struct {
	ID, Version, Codename string
	// Like are distributions that it is made from.
	Like []string
}

// ReadDistribution reads os-release(5); what cannot be read is unknown.
func ReadDistribution(path string) Distribution {
	data, err := os.ReadFile(path)
	if err != nil {
		return Distribution{ID: "unknown", Version: "unknown"}
	}
	values := map[string]string{}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[key] = strings.Trim(value, `"'`)
	}
	return Distribution{
		ID: values["ID"], Version: values["VERSION_ID"], Codename: values["VERSION_CODENAME"],
		Like: strings.Fields(values["ID_LIKE"]),
	}
}

// Kernel is the running kernel's release, "" where nobody says.
func Kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

// Existing is the nearest directory above path that is there: nothing is made to look at it.
func Existing(path string) string {
	for {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) || path == "/" {
			return path
		}
		path = filepath.Dir(path)
	}
}

// FileSystem names the usual magic numbers of statfs(2).
func FileSystem(magic int64) string {
	switch magic {
	case unix.EXT4_SUPER_MAGIC:
		return "extfs"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	case unix.NFS_SUPER_MAGIC:
		return "nfs"
	case unix.F2FS_SUPER_MAGIC:
		return "f2fs"
	case unix.ECRYPTFS_SUPER_MAGIC:
		return "ecryptfs"
	case 0x2fc12fc1: // ZFS_SUPER_MAGIC of OpenZFS
		return "zfs"
	}
	return "unknown"
}

// PingRange reads net.ipv4.ping_group_range and says whether one of the groups lies in it: slirp4netns and
// pasta do pings of containers by the kind of socket that icmp(7) allows to these groups.
func PingRange(path string, gids []int) (low, high int, allowed bool, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, false, err
	}
	if _, err := fmt.Sscan(string(data), &low, &high); err != nil {
		return 0, 0, false, fmt.Errorf("read %q: %w", path, err)
	}
	for _, gid := range gids {
		if gid >= low && gid <= high {
			allowed = true
		}
	}
	return low, high, allowed, nil
}

// PingRangePath is where the kernel shows it.
const PingRangePath = "/proc/sys/net/ipv4/ping_group_range"

// Groups are the caller's, the effective one first.
func Groups() []int {
	gids, _ := os.Getgroups() // none are none
	return append([]int{os.Getegid()}, gids...)
}
