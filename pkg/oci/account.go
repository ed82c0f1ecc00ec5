package oci

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// Account finds the numbers of a user as -u and images name it ("name", "uid:gid", …) in the
// account files of a container whose root directory is given.
func Account(root int, user string) (uid, gid uint32, err error) {
	passwd, err := readAccounts(root, "/etc/passwd")
	if err != nil {
		return 0, 0, err
	}
	group, err := readAccounts(root, "/etc/group")
	if err != nil {
		return 0, 0, err
	}
	who, err := lookUpUser(user, passwd, group)
	return who.uid, who.gid, err
}

// AccountNames are the names that a container has for user and group numbers.
func AccountNames(root int) (users, groups map[uint32]string, err error) {
	passwd, err := readAccounts(root, "/etc/passwd")
	if err != nil {
		return nil, nil, err
	}
	group, err := readAccounts(root, "/etc/group")
	if err != nil {
		return nil, nil, err
	}
	users, groups = ParseAccounts(passwd, group)
	return users, groups, nil
}

// ParseAccounts is AccountNames of the files' contents.
func ParseAccounts(passwd, group []byte) (users, groups map[uint32]string) {
	users, groups = map[uint32]string{}, map[uint32]string{}
	findPasswd(passwd, func(e passwdEntry) bool {
		if _, ok := users[e.uid]; !ok {
			users[e.uid] = e.name
		}
		return false
	})
	eachGroup(group, func(e groupEntry) bool {
		if _, ok := groups[e.gid]; !ok {
			groups[e.gid] = e.name
		}
		return true
	})
	return users, groups
}

// readAccounts reads a file of the container; one that does not exist is empty.
func readAccounts(root int, path string) ([]byte, error) {
	data, err := linux.ReadInRoot(root, path, maxAccounts)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("container's %w", err)
	}
	return data, nil
}

// HasUser tells whether a passwd(5) file has a user of that name or number.
func HasUser(passwd []byte, name string, uid uint32) bool {
	_, found := findPasswd(passwd, func(e passwdEntry) bool { return e.name == name || e.uid == uid })
	return found
}

// HasGroup tells whether a group(5) file has a group of that name or number.
func HasGroup(group []byte, name string, gid uint32) bool {
	found := false
	eachGroup(group, func(e groupEntry) bool {
		found = e.name == name || e.gid == gid
		return !found
	})
	return found
}

// firstNobody is where numbers begin that stand for nobody: 65534 in most distributions, as
// which those are shown, too, that a user namespace does not have, and Alpine's nogroup, 65533.
const firstNobody = 65533

// LargestID is the largest number in account files, but for nobody's: with it every user namespace
// would need 65,536 ids.
func LargestID(passwd, group []byte) uint32 {
	largest := uint32(0)
	note := func(id uint32) {
		if id < firstNobody {
			largest = max(largest, id)
		}
	}
	findPasswd(passwd, func(e passwdEntry) bool { note(e.uid); note(e.gid); return false })
	eachGroup(group, func(e groupEntry) bool { note(e.gid); return true })
	return largest
}
