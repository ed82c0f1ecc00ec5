package oci

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
)

// limits are the names and numbers of getrlimit(2).
func limits() []namedLimit {
	return []namedLimit{
		{"RLIMIT_AS", unix.RLIMIT_AS},
		{"RLIMIT_CORE", unix.RLIMIT_CORE},
		{"RLIMIT_CPU", unix.RLIMIT_CPU},
		{"RLIMIT_DATA", unix.RLIMIT_DATA},
		{"RLIMIT_FSIZE", unix.RLIMIT_FSIZE},
		{"RLIMIT_LOCKS", unix.RLIMIT_LOCKS},
		{"RLIMIT_MEMLOCK", unix.RLIMIT_MEMLOCK},
		{"RLIMIT_MSGQUEUE", unix.RLIMIT_MSGQUEUE},
		{"RLIMIT_NICE", unix.RLIMIT_NICE},
		{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE},
		{"RLIMIT_NPROC", unix.RLIMIT_NPROC},
		{"RLIMIT_RSS", unix.RLIMIT_RSS},
		{"RLIMIT_RTPRIO", unix.RLIMIT_RTPRIO},
		{"RLIMIT_RTTIME", unix.RLIMIT_RTTIME},
		{"RLIMIT_SIGPENDING", unix.RLIMIT_SIGPENDING},
		{"RLIMIT_STACK", unix.RLIMIT_STACK},
	}
}

type namedLimit struct {
	name     string
	resource int
}

func rlimitResource(name string) (int, bool) {
	for _, l := range limits() {
		if l.name == name {
			return l.resource, true
		}
	}
	return 0, false
}

func rlimitName(resource int) string {
	for _, l := range limits() {
		if l.resource == resource {
			return l.name
		}
	}
	return "RLIMIT"
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
		return errs.WithCheck(err, "raise it for the user: Limit"+strings.TrimPrefix(name, "RLIMIT_")+"= in a drop-in of user@.service, or /etc/security/limits.conf", "rlimits")
	}
	return fmt.Errorf("set limit %s to %d:%d: %w", name, l.soft, l.hard, err)
}

// setOOMScore makes the process a better victim for the kernel. A worse one only
// CAP_SYS_RESOURCE of the initial user namespace could make (proc_pid_oom_score_adj(5)).
func (c *child) setOOMScore() error {
	if !c.setOOM {
		return nil
	}
	f, err := os.OpenFile(oomScoreFile, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = unix.Write(int(f.Fd()), []byte(strconv.Itoa(c.oomScoreAdj))); err == nil {
		return nil
	}
	return explainOOMScore(c.oomScoreAdj, err)
}

const oomScoreFile = "/proc/self/oom_score_adj"

func explainOOMScore(score int, err error) error {
	err = fmt.Errorf("set oom score adjustment to %d: %w", score, err)
	now, readErr := os.ReadFile(oomScoreFile)
	if errors.Is(err, unix.EACCES) && readErr == nil {
		err = errs.WithHint(err, "an ordinary user may only raise it above "+strings.TrimSpace(string(now)))
	}
	return err
}

func (o *order) addRlimits(limits []specs.POSIXRlimit) error {
	for _, l := range limits {
		resource, ok := rlimitResource(l.Type)
		if !ok {
			return fmt.Errorf("limit %q: unknown: %w", l.Type, errs.ErrInvalid)
		}
		if l.Soft > l.Hard {
			return fmt.Errorf("limit %s: soft %d is above hard %d: %w", l.Type, l.Soft, l.Hard, errs.ErrInvalid)
		}
		o.rlimits = append(o.rlimits, rlimit{resource, l.Soft, l.Hard})
	}
	return nil
}
