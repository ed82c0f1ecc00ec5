package oci

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// defaultPath is searched where the environment has no PATH: docker's.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// execute becomes the command; it returns only on error.
func (c *child) execute() error {
	if err := setSysctls(c.procSys, c.sysctls); err != nil {
		return err
	}
	if err := c.takeStandardStreams(); err != nil {
		return err
	}
	if err := c.setLimits(); err != nil {
		return err
	}
	if err := c.becomeUser(); err != nil {
		return err
	}
	if c.umask >= 0 {
		unix.Umask(c.umask)
	} else {
		unix.Umask(0o022)
	}
	program, err := findProgram(c.args[0], c.env)
	if err != nil {
		return err
	}
	if c.dieWithParent {
		if gone, err := c.bindToParent(); gone || err != nil {
			return err
		}
	}
	return c.exec(program)
}

// exec loads the filter and executes. Between the two nothing may need a system call that
// the filter could refuse.
func (c *child) exec(program string) error {
	if err := unix.CloseRange(uint(firstExtra+c.preserve), math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("close_range: %w", err)
	}
	sock := int(c.sock.Fd())
	if c.reaper {
		if _, err := unix.FcntlInt(uintptr(sock), unix.F_SETFD, 0); err != nil {
			return fmt.Errorf("keep socket: %w", err)
		}
	}
	if err := linux.Send(c.sock, []byte{msgExec}); err != nil {
		return err
	}
	if err := linux.ResetSignals(); err != nil {
		return fmt.Errorf("reset signals: %w", err)
	}
	if c.noNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("prctl PR_SET_NO_NEW_PRIVS: %w", err)
		}
	}
	if len(c.seccomp) > 0 {
		if err := linux.LoadSeccomp(c.seccomp); err != nil {
			return fmt.Errorf("load seccomp filter: %w", err)
		}
	}
	if c.reaper {
		argv := append([]string{"rc-init", "reaper", strconv.Itoa(sock), program, "--"}, c.args...)
		err := linux.ExecFD(c.exe, argv, c.env)
		return fmt.Errorf("exec init: %w", err)
	}
	// syscall.Exec, not the bare call: it waits until no thread is being made.
	return explainExec(c.args[0], program, syscall.Exec(program, c.args, c.env))
}

// takeStandardStreams makes the terminal, where there is one, 0 to 2 and the session's, and
// lets the user open its own streams through /dev/stdin and the like.
func (c *child) takeStandardStreams() error {
	if c.slave == nil {
		for fd := range firstExtra {
			c.ownPipe(fd)
		}
		return nil
	}
	slave := int(c.slave.Fd())
	if err := unix.Fchown(slave, int(c.who.uid), -1); err != nil {
		return fmt.Errorf("own terminal: %w", err)
	}
	for fd := range firstExtra {
		if err := unix.Dup3(slave, fd, 0); err != nil {
			return fmt.Errorf("own terminal: %w", err)
		}
	}
	if c.reaper {
		return nil // the command becomes the session's leader, not the init
	}
	if err := linux.SetControllingTerminal(0); err != nil {
		return fmt.Errorf("set controlling terminal: %w", err)
	}
	return nil
}

// ownPipe gives the user an anonymous pipe among its standard streams, since /dev/stdout
// opens it anew. Files and terminals of the host keep their owner.
func (c *child) ownPipe(fd int) {
	const pipefsMagic = 0x50495045 // linux/magic.h
	var st unix.Statfs_t
	if c.who.uid != 0 && unix.Fstatfs(fd, &st) == nil && st.Type == pipefsMagic {
		_ = unix.Fchown(fd, int(c.who.uid), -1) // a pipe of another user's stays unopenable
	}
}

// setLimits applies the resource limits; RLIMIT_NOFILE, where it is not among them, gets
// back the soft limit that the Go runtime raised at start.
func (c *child) setLimits() error {
	files := false
	for _, l := range c.rlimits {
		limit := syscall.Rlimit{Cur: l.soft, Max: l.hard}
		files = files || l.resource == unix.RLIMIT_NOFILE
		if err := syscall.Setrlimit(l.resource, &limit); err != nil {
			return c.explainLimit(l, err)
		}
	}
	if files {
		return nil
	}
	// syscall.Exec restores the limit before it fails here; setting it to what it is then
	// makes the runtime forget about it, so that the real one makes no system call more.
	_ = syscall.Exec("", []string{""}, nil)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("get limit RLIMIT_NOFILE: %w", err)
	}
	if err := syscall.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("set limit RLIMIT_NOFILE: %w", err)
	}
	return nil
}

func (c *child) explainLimit(l rlimit, err error) error {
	name := rlimitName(l.resource)
	var now syscall.Rlimit
	if errors.Is(err, unix.EPERM) && syscall.Getrlimit(l.resource, &now) == nil && l.hard > now.Max {
		err = fmt.Errorf("set limit %s to %d: it cannot be raised above this user's %d: %w", name, l.hard, now.Max, err)
		return errs.WithHint(err, "raise it for the user: LimitXXX= in a drop-in of user@.service, or /etc/security/limits.conf")
	}
	return fmt.Errorf("set limit %s to %d:%d: %w", name, l.soft, l.hard, err)
}

// becomeUser gives up what the command shall not have. Everything up to here needed
// capabilities of the container's user namespace.
func (c *child) becomeUser() error {
	if err := linux.DropBounding(c.bounding); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	if err := linux.SetThreadGID(c.who.gid); err != nil {
		return explainID("group", c.who.gid, err)
	}
	if err := c.setGroups(); err != nil {
		return err
	}
	// The permitted capabilities stay until execve(2), which computes them anew from the
	// bounding and ambient sets: until then a filter can be loaded without no_new_privs.
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_KEEPCAPS: %w", err)
	}
	if err := linux.SetThreadUID(c.who.uid); err != nil {
		return explainID("user", c.who.uid, err)
	}
	_, permitted, _, err := linux.Capabilities()
	if err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	ambient := c.ambient
	if c.who.uid == 0 {
		ambient = 0 // root has its capabilities by being root
	}
	if err := linux.SetCapabilities(permitted, permitted, c.inheritable|ambient); err != nil {
		return fmt.Errorf("set capabilities: %w", err)
	}
	if err := linux.SetAmbient(ambient); err != nil {
		return fmt.Errorf("set ambient capabilities: %w", err)
	}
	return nil
}

// setGroups sets the supplementary groups. In a user namespace made without newgidmap
// setgroups(2) is denied: then the groups that /etc/group implies are left out, and those
// that somebody asked for are an error.
func (c *child) setGroups() error {
	if c.keepGroups {
		return nil
	}
	groups := append(append([]uint32{}, c.who.groups...), c.who.implied...)
	err := linux.SetThreadGroups(groups)
	switch {
	case err == nil, errors.Is(err, unix.EPERM) && len(c.who.groups) == 0:
		return nil
	case errors.Is(err, unix.EPERM):
		return errs.WithHint(fmt.Errorf("set additional groups %v: %w", c.who.groups, err),
			"a user without a range in /etc/subgid has no groups to give")
	}
	return errs.WithHint(fmt.Errorf("set additional groups %v: %w", groups, err), "the range in /etc/subgid may be too small for them")
}

func explainID(kind string, id uint32, err error) error {
	err = fmt.Errorf("become %s %d: %w", kind, id, err)
	if errors.Is(err, unix.EINVAL) {
		file := "/etc/subuid"
		if kind == "group" {
			file = "/etc/subgid"
		}
		return errs.WithHint(err, fmt.Sprintf("the %s is outside the range that this user has in %s", kind, file))
	}
	return err
}

// setOOMScore makes the process a better victim for the kernel. A worse one only
// CAP_SYS_RESOURCE of the initial user namespace could make (proc_pid_oom_score_adj(5)).
func (c *child) setOOMScore() error {
	if !c.setOOM {
		return nil
	}
	const file = "/proc/self/oom_score_adj"
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = f.WriteString(strconv.Itoa(c.oomScoreAdj)); err == nil {
		return nil
	}
	err = fmt.Errorf("set oom score adjustment to %d: %w", c.oomScoreAdj, cause(err))
	var now [16]byte
	if n, readErr := f.ReadAt(now[:], 0); errors.Is(err, unix.EACCES) && readErr == io.EOF {
		err = errs.WithHint(err, "an ordinary user may only raise it above "+strings.TrimSpace(string(now[:n])))
	}
	return err
}

// bindToParent lets the kernel kill this process when its parent dies: after the last
// change of credentials, which clears it (PR_SET_PDEATHSIG(2const)).
func (c *child) bindToParent() (gone bool, err error) {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return false, fmt.Errorf("prctl PR_SET_PDEATHSIG: %w", err)
	}
	// It may have died before that; then the socket is at its end.
	var buf [1]byte
	n, _, err := unix.Recvfrom(int(c.sock.Fd()), buf[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return n == 0 && err == nil, nil
}

// findProgram is the file that a command means, searched as the user that will execute it.
func findProgram(name string, env []string) (string, error) {
	if strings.ContainsRune(name, '/') {
		err := executable(name)
		if err == nil {
			return name, nil
		}
		return "", errs.WithCode(fmt.Errorf("exec %q: %w", name, err), execCode(err))
	}
	search := defaultPath
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, "PATH="); ok {
			search = value
		}
	}
	var denied error
	for dir := range strings.SplitSeq(search, ":") {
		if dir == "" {
			dir = "." // environ(7): an empty element is the current directory
		}
		candidate := path.Join(dir, name)
		if !strings.HasPrefix(dir, "/") {
			candidate = dir + "/" + name
		}
		err := executable(candidate)
		if err == nil {
			return candidate, nil
		}
		if denied == nil && execCode(err) == errs.CodeNotExecutable {
			denied = fmt.Errorf("exec %q: %w", candidate, err)
		}
	}
	if denied != nil {
		return "", errs.WithCode(denied, errs.CodeNotExecutable)
	}
	err := fmt.Errorf("exec %q: executable %w in $PATH", name, errFileNotFound)
	return "", errs.WithCode(err, errs.CodeNotFound)
}

// errFileNotFound completes docker's wording, which scripts look for.
var errFileNotFound = fmt.Errorf("file %w", errs.ErrNotFound)

// executable checks that the calling thread could execute a file.
func executable(file string) error {
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.EISDIR
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o111 == 0 {
		return unix.EACCES // even for root
	}
	err := unix.Faccessat2(unix.AT_FDCWD, file, unix.X_OK, unix.AT_EACCESS)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return nil // Linux < 5.8, or an old filter around us: execve(2) will tell
	}
	return err
}

// execCode is the exit code for an error of execve(2) or of looking for the file.
func execCode(err error) int {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return errs.CodeNotFound
	}
	return errs.CodeNotExecutable
}

func explainExec(name, program string, err error) error {
	code := execCode(err)
	switch {
	case errors.Is(err, unix.ENOENT):
		// It was there a moment ago: so the "#!" line or the loader of the program is meant.
		err = errs.WithHint(err, program+" exists: its interpreter or dynamic loader does not")
	case errors.Is(err, unix.ENOEXEC):
		err = errs.WithHint(err, program+" is no program for this machine, or a script without a first line \"#!…\"")
	}
	return errs.WithCode(fmt.Errorf("exec %q: %w", name, err), code)
}

// makeWorkingDirectory makes the working directory where the image has none, as docker
// does, and opens it.
func (c *child) makeWorkingDirectory() error {
	cwd := c.cwd
	if cwd == "" {
		cwd = "/"
	}
	fd, err := linux.MkdirAllInRoot(c.root, cwd, 0o755)
	if err != nil {
		return fmt.Errorf("working directory %q: %w", cwd, err)
	}
	c.workdir = fd
	return nil
}

// enterWorkingDirectory is a step of its own since pivot_root(2) changes the directory.
func (c *child) enterWorkingDirectory() error {
	defer unix.Close(c.workdir)
	if err := unix.Fchdir(c.workdir); err != nil {
		return fmt.Errorf("working directory %q: %w", c.cwd, err)
	}
	wd, err := unix.Getwd()
	if err != nil || !strings.HasPrefix(wd, "/") {
		return fmt.Errorf("working directory %q: it lies outside the container: %w", c.cwd, errors.Join(err, errs.ErrInvalid))
	}
	return nil
}
