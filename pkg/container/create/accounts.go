package create

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/spec"
)

// The account files, below a root.
const (
	passwdFile = "etc/passwd"
	groupFile  = "etc/group"
)

// Accounts are the account files that a container has in place of the image's, by their paths
// below its root: with lines for users whom the image does not know. They are to lie above
// the image's layers and below what the container writes, so that useradd(8) works on them, and a commit
// does not take them along.
func Accounts(ctx context.Context, c *spec.Container, opts Options, image Image) (map[string][]byte, error) {
	if opts.NoPasswd || c.Rootfs.Path != "" && !c.Rootfs.Overlay {
		return nil, nil
	}
	d := &draft{opts: &opts, image: &image, c: c}
	keep := c.Userns.Mode == spec.UsernsKeepID
	uid, gid, numeric := numericUser(c.OCI.Process.User.Username)
	if !keep && !numeric && len(opts.HostUsers) == 0 {
		return nil, nil
	}
	passwd, group, err := d.accounts()
	if err != nil {
		return nil, err
	}
	a := &accounts{passwd: passwd, group: group, opts: &opts}
	if keep && opts.Userns.UID == nil && opts.Userns.GID == nil {
		user, err := hostAccount(ctx, strconv.Itoa(os.Getuid()))
		if err != nil {
			return nil, err
		}
		user.uid, user.gid = *c.Userns.UID, *c.Userns.GID
		user.home = homeInside(c, user.home)
		a.addUser(user)
		a.addGroup(hostGroup(ctx, user.gid), user.gid, user.name)
	}
	for _, name := range opts.HostUsers {
		user, err := hostAccount(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("--hostuser %w", err)
		}
		a.addUser(user)
		a.addGroup(hostGroup(ctx, user.gid), user.gid, user.name)
	}
	// One for a number alone only where there are others: an image without accounts wants none.
	if numeric && (len(passwd) > 0 || keep) {
		n := strconv.FormatUint(uint64(uid), 10)
		a.addUser(account{name: n, uid: uid, gid: gid, full: "container user", home: c.OCI.Process.Cwd, shell: "/bin/sh"})
		if gid != 0 {
			a.addGroup(strconv.FormatUint(uint64(gid), 10), gid, n)
		}
	}
	return a.changed, nil
}

// numericUser reads -u UID[:GID].
func numericUser(user string) (uid, gid uint32, ok bool) {
	u, g, _ := strings.Cut(user, ":")
	n, err := strconv.ParseUint(u, 10, 31)
	if err != nil {
		return 0, 0, false
	}
	m, err := strconv.ParseUint(g, 10, 31)
	if err != nil {
		m = 0 // a name, or none
	}
	return uint32(n), uint32(m), true
}

// homeInside is the user's own home where that is mounted, else the working directory: podman's rule.
func homeInside(c *spec.Container, home string) string {
	for dir := home; dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		if mountedOn(c.OCI.Mounts, dir) {
			return home
		}
	}
	return c.OCI.Process.Cwd
}

// accounts are the image's account files on their way.
type accounts struct {
	passwd, group []byte
	opts          *Options
	changed       map[string][]byte
}

// account is one line of passwd(5).
type account struct {
	name, full, home, shell string
	uid, gid                uint32
}

func (a *accounts) addUser(u account) {
	if oci.HasUser(a.passwd, u.name, u.uid) {
		return
	}
	line := fmt.Sprintf("%s:*:%d:%d:%s:%s:%s", u.name, u.uid, u.gid, u.full, u.home, u.shell)
	if a.opts.PasswdEntry != "" {
		line = strings.NewReplacer("$USERNAME", u.name, "$UID", fmt.Sprint(u.uid), "$GID", fmt.Sprint(u.gid), "$NAME", u.full, "$HOME", u.home).
			Replace(a.opts.PasswdEntry)
	}
	a.passwd = withLine(a.passwd, line)
	a.set(passwdFile, a.passwd)
}

func (a *accounts) addGroup(name string, gid uint32, user string) {
	if oci.HasGroup(a.group, name, gid) {
		return
	}
	line := fmt.Sprintf("%s:x:%d:%s", name, gid, user)
	if a.opts.GroupEntry != "" {
		line = strings.NewReplacer("$GROUPNAME", name, "$GID", fmt.Sprint(gid), "$USERLIST", user).Replace(a.opts.GroupEntry)
	}
	a.group = withLine(a.group, line)
	a.set(groupFile, a.group)
}

func (a *accounts) set(path string, content []byte) {
	if a.changed == nil {
		a.changed = map[string][]byte{}
	}
	a.changed[path] = content
}

func withLine(file []byte, line string) []byte {
	file = bytes.Clone(file)
	if len(file) > 0 && file[len(file)-1] != '\n' {
		file = append(file, '\n')
	}
	return append(file, strings.TrimRight(line, "\n")+"\n"...)
}

// accounts reads the image's files.
func (d *draft) accounts() (passwd, group []byte, err error) {
	if passwd, err = readLayered(&d.image.Rootfs, passwdFile); err == nil {
		group, err = readLayered(&d.image.Rootfs, groupFile)
	}
	return passwd, group, err
}

// maxAccounts limits an account file, in bytes.
const maxAccounts = 16 << 20

// readLayered reads a file of a root that is not mounted. What is not there is empty.
func readLayered(r *spec.Rootfs, path string) ([]byte, error) {
	layers := r.Lower
	if r.Path != "" {
		layers = []string{r.Path}
	}
	data, err := overlay.ReadFile(layers, path, maxAccounts)
	if err != nil {
		return nil, fmt.Errorf("image's %w", err)
	}
	return data, nil
}

// hostAccount is a user of the host, by name or number.
func hostAccount(ctx context.Context, who string) (account, error) {
	data, err := os.ReadFile("/etc/passwd")
	if err != nil {
		data = nil
	}
	if u, ok := findAccount(string(data), who); ok {
		return u, nil
	}
	// Of LDAP and the like.
	out, err := exec.CommandContext(ctx, "getent", "passwd", who).Output()
	if u, ok := findAccount(string(out), who); err == nil && ok {
		return u, nil
	}
	if n, err := strconv.ParseUint(who, 10, 32); err == nil && int(n) == os.Getuid() {
		return account{name: who, uid: uint32(n), gid: uint32(os.Getgid()), home: os.Getenv("HOME"), shell: "/bin/sh"}, nil
	}
	return account{}, fmt.Errorf("%q: the host has no such user: %w", who, errs.ErrNotFound)
}

func findAccount(passwd, who string) (account, bool) {
	for line := range strings.Lines(passwd) {
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(f) != 7 || f[0] != who && f[2] != who {
			continue
		}
		uid, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(f[3], 10, 32)
		if err != nil {
			continue
		}
		full, _, _ := strings.Cut(f[4], ",")
		return account{name: f[0], full: full, home: f[5], shell: "/bin/sh", uid: uint32(uid), gid: uint32(gid)}, true
	}
	return account{}, false
}

// hostGroup is the host's name of a group; its number where there is none.
func hostGroup(ctx context.Context, gid uint32) string {
	number := strconv.FormatUint(uint64(gid), 10)
	data, err := os.ReadFile("/etc/group")
	if err != nil {
		data = nil
	}
	for _, source := range []func() string{
		func() string { return string(data) },
		func() string {
			out, _ := exec.CommandContext(ctx, "getent", "group", number).Output() // nobody knows it, perhaps
			return string(out)
		},
	} {
		for line := range strings.Lines(source()) {
			if f := strings.Split(line, ":"); len(f) >= 3 && f[2] == number {
				return f[0]
			}
		}
	}
	return number
}
