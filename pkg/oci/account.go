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
	return users, groups, nil
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
