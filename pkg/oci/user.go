package oci

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// maxID is the largest user or group number: docker's limit, too.
const maxID = 1<<31 - 1

// maxAccounts limits /etc/passwd and /etc/group of an image, in bytes.
const maxAccounts = 16 << 20

// passwdEntry is what is needed of a line of passwd(5).
type passwdEntry struct {
	name     string
	uid, gid uint32
	home     string
}

// groupEntry is what is needed of a line of group(5).
type groupEntry struct {
	name    string
	gid     uint32
	members string // separated by commas
}

// identity is who the command runs as.
type identity struct {
	uid, gid uint32
	groups   []uint32 // asked for: they must be set
	implied  []uint32 // the primary one and those that /etc/group puts the user into
	home     string   // "" where passwd does not tell
}

// resolveUser finds out who the command runs as. It reads the container's own files.
func (c *child) resolveUser() error {
	var passwd, group []byte
	var err error
	user := c.user
	if user == "" && c.uid == 0 && c.gid == 0 {
		user = "0" // who is root because nobody was named has root's groups, as with docker and podman
	}
	named := user != ""
	if named || !hasHome(c.env) {
		if passwd, err = c.accounts("/etc/passwd"); err != nil {
			return err
		}
	}
	if named || needsGroups(c.groupAdd) {
		if group, err = c.accounts("/etc/group"); err != nil {
			return err
		}
	}
	who := identity{uid: c.uid, gid: c.gid}
	if named {
		who, err = lookUpUser(user, passwd, group)
	} else if entry, ok := passwdByID(passwd, c.uid); ok {
		who.home = entry.home
	}
	if err != nil {
		return err
	}
	if c.user == "" { // nobody has asked for these groups: what has no number here is no reason to fail
		who.implied = slices.DeleteFunc(who.implied, func(gid uint32) bool { return !linux.GroupMapped(int(gid)) })
	}
	who.groups = append(who.groups, c.groups...)
	for _, name := range c.groupAdd {
		if name == KeepGroups {
			c.keepGroups = true
			continue
		}
		gid, err := lookUpGroup(name, group)
		if err != nil {
			return fmt.Errorf("additional %w", err)
		}
		who.groups = append(who.groups, gid)
	}
	c.who = who
	if !hasHome(c.env) {
		home := who.home
		if home == "" {
			home = "/"
		}
		c.env = append(c.env, "HOME="+home)
	}
	return nil
}

func hasHome(env []string) bool {
	return slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "HOME=") })
}

// needsGroups tells whether a name has to be looked up.
func needsGroups(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, ok := parseID(name)
		return !ok && name != KeepGroups
	})
}

// accounts reads a file of the container; one that does not exist is empty.
func (c *child) accounts(path string) ([]byte, error) { return readAccounts(c.root, path) }

// lookUpUser resolves "user", "user:group", "uid" or "uid:gid". A number needs no entry.
// With a group given the user gets no other from /etc/group, as with docker.
func lookUpUser(spec string, passwd, group []byte) (identity, error) {
	user, groupName, hasGroup := strings.Cut(spec, ":")
	var who identity
	id, isNumber := parseID(user)
	entry, found := findPasswd(passwd, func(e passwdEntry) bool {
		return e.name == user || isNumber && e.uid == id
	})
	switch {
	case found:
		who = identity{uid: entry.uid, gid: entry.gid, home: entry.home}
	case isNumber:
		who.uid = id
	case user != "": // ":group" is root with that group
		return who, fmt.Errorf("user %q: no entry in the container's /etc/passwd: %w", user, errs.ErrNotFound)
	}
	if hasGroup && groupName != "" {
		gid, err := lookUpGroup(groupName, group)
		if err != nil {
			return who, err
		}
		who.gid = gid
	} else if found {
		who.implied = groupsOf(entry.name, group)
	}
	// Without its own group among them a process could leave it behind by a setgid program,
	// and with it what permissions deny that group (CVE-2022-36109).
	if !slices.Contains(who.implied, who.gid) {
		who.implied = append(who.implied, who.gid)
	}
	return who, nil
}

// lookUpGroup resolves a group's name or number.
func lookUpGroup(name string, group []byte) (uint32, error) {
	id, isNumber := parseID(name)
	gid, found := id, false
	eachGroup(group, func(g groupEntry) bool {
		if found = g.name == name; found {
			gid = g.gid
		}
		return !found
	})
	if !found && !isNumber {
		return 0, fmt.Errorf("group %q: no entry in the container's /etc/group: %w", name, errs.ErrNotFound)
	}
	return gid, nil
}

// groupsOf are the groups that list user as a member.
func groupsOf(user string, group []byte) []uint32 {
	var gids []uint32
	eachGroup(group, func(g groupEntry) bool {
		for member := range strings.SplitSeq(g.members, ",") {
			if member == user {
				gids = append(gids, g.gid)
				break
			}
		}
		return true
	})
	return gids
}

func passwdByID(passwd []byte, uid uint32) (passwdEntry, bool) {
	return findPasswd(passwd, func(e passwdEntry) bool { return e.uid == uid })
}

// findPasswd is the first entry that matches. Lines that make no sense are skipped, as
// getpwent(3) does.
func findPasswd(passwd []byte, match func(passwdEntry) bool) (passwdEntry, bool) {
	for line := range bytes.Lines(passwd) {
		f := fields(line, 7)
		if f == nil {
			continue
		}
		uid, ok := parseID(f[2])
		if !ok {
			continue
		}
		gid, ok := parseID(f[3])
		if !ok {
			continue
		}
		if e := (passwdEntry{f[0], uid, gid, f[5]}); match(e) {
			return e, true
		}
	}
	return passwdEntry{}, false
}

// eachGroup calls visit for the entries until it returns false.
func eachGroup(group []byte, visit func(groupEntry) bool) {
	for line := range bytes.Lines(group) {
		f := fields(line, 4)
		if f == nil {
			continue
		}
		gid, ok := parseID(f[2])
		if ok && !visit(groupEntry{f[0], gid, f[3]}) {
			return
		}
	}
}

// fields splits a line at its colons; nil for a comment or a line with fewer than n-1
// fields (the last may be left out). The result has n fields at least.
func fields(line []byte, n int) []string {
	text := strings.TrimSpace(string(line))
	if text == "" || text[0] == '#' {
		return nil
	}
	f := strings.Split(text, ":")
	if len(f) < n-1 || f[0] == "" {
		return nil
	}
	if len(f) < n {
		f = append(f, "")
	}
	return f
}

// parseID reads a user or group number.
func parseID(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && n <= maxID
}
