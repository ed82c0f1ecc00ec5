package userns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestExplain(t *testing.T) {
	const sys = "proc/sys/"
	wrapped := func(err error) error {
		return fmt.Errorf("start: %w", &fs.PathError{Op: "fork/exec", Path: "rc-shim", Err: err})
	}
	inRoot := map[string]string{"proc/self/mountinfo": "1 1 0:1 / / rw - ext4 x rw\n", "proc/self/ns/user": "", "proc/self/status": "Seccomp:\t0\n"}
	with := func(name, text string) map[string]string {
		m := map[string]string{name: text}
		for k, v := range inRoot {
			if _, ok := m[k]; !ok {
				m[k] = v
			}
		}
		return m
	}
	for _, c := range []struct {
		what       string
		files      map[string]string
		err        error
		text, hint string
	}{
		{"switched off", with(sys+"user/max_user_namespaces", "0\n"), unix.ENOSPC, "user.max_user_namespaces is 0", "user.max_user_namespaces=15000"},
		{"exhausted", with(sys+"user/max_user_namespaces", "7\n"), unix.ENOSPC, "is 7", "15000"},
		{"old kernels", inRoot, unix.EUSERS, "too many", "15000"},
		{"Debian's switch", with(sys+"kernel/unprivileged_userns_clone", "0\n"), unix.EPERM, "kernel.unprivileged_userns_clone is 0", "unprivileged_userns_clone=1"},
		{"Ubuntu", with(sys+"kernel/apparmor_restrict_unprivileged_userns", "1\n"), unix.EACCES, "AppArmor", "apparmor_parser"},
		{"docker", with("proc/self/status", "Name:\tx\nSeccomp:\t2\n"), unix.EPERM, "seccomp", "seccomp=unconfined"},
		{"chroot", with("proc/self/mountinfo", "1 1 0:1 / /proc rw - proc x rw\n"), unix.EPERM, "chroot", "pivot_root"},
		{"no CONFIG_USER_NS", nil, unix.EINVAL, "CONFIG_USER_NS", "kernel"},
		{"unknown reason", inRoot, unix.EPERM, "", ""},
		{"another error", inRoot, unix.ENOENT, "", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			err := fake(t, c.files).explain(wrapped(c.err))
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) || !strings.Contains(errs.Hint(err), c.hint) {
				t.Errorf("%v\nhint %s", err, errs.Hint(err))
			}
			if (c.hint == "") != (errs.Hint(err) == "") {
				t.Errorf("hint %q", errs.Hint(err))
			}
			if again := fake(t, c.files).explain(err); again.Error() != err.Error() {
				t.Errorf("explained twice: %v", again)
			}
		})
	}
	if Explain(nil) != nil {
		t.Error("nil is explained")
	}
}

func TestRestricted(t *testing.T) {
	const knob = "proc/sys/kernel/apparmor_restrict_unprivileged_userns"
	for _, c := range []struct {
		knob, label string
		want        bool
	}{
		{"1", "unprivileged_userns (enforce)\n", true},
		{"1", "rc//&unprivileged_userns (enforce)\n", true},
		{"1", "rc (unconfined)\n", false},
		{"0", "unprivileged_userns (enforce)\n", false},
	} {
		err := fake(t, map[string]string{knob: c.knob, "proc/7/attr/current": c.label}).restricted(7)
		if (err != nil) != c.want || c.want && (!errors.Is(err, unix.EACCES) || !strings.Contains(errs.Hint(err), "userns,")) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := fake(t, nil).restricted(7); err != nil {
		t.Error(err)
	}
}

func TestExplainMapper(t *testing.T) {
	s := fake(t, map[string]string{
		"newuidmap": "x", "newgidmap": "x", "passwd": passwd,
		"proc/self/uid_map": "0 0 4294967295\n", "proc/self/gid_map": "0 0 1000\n",
		"plain/proc/self/status": "NoNewPrivs:\t1\n",
	})
	dir := strings.TrimSuffix(s.subuid, "/subuid")
	plain, setuid := dir+"/newuidmap", dir+"/newgidmap"
	if err := os.Chmod(setuid, 0o700|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	extents := extents(1000, []idRange{{100000, 65536}})
	err := s.explainMapper(&mapper{name: "newuidmap", path: plain}, errors.New("newuidmap: write to uid_map failed"), extents)
	if !strings.Contains(err.Error(), "not setuid") || errs.PlainHint(err) != "sudo chmod u+s "+plain+" (or: sudo setcap cap_setuid+ep "+plain+")" {
		t.Errorf("%v: %s", err, errs.Hint(err))
	}
	if nosuid(dir) {
		t.Skip("the temporary directory is mounted nosuid")
	}
	err = s.explainMapper(&mapper{name: "newgidmap", path: setuid}, errors.New("range [1-2) not allowed"), extents)
	if !strings.Contains(err.Error(), s.subgid) || !strings.Contains(errs.Hint(err), "--add-subgids") && !strings.Contains(errs.Hint(err), "tee -a "+s.subgid) {
		t.Errorf("%v: %s", err, errs.Hint(err))
	}
	err = s.explainMapper(&mapper{name: "newgidmap", path: setuid}, errors.New("write failed"), extents)
	if !strings.Contains(err.Error(), "has not all of these ids") {
		t.Errorf("%v: %s", err, errs.Hint(err))
	}
	s.proc = dir + "/plain/proc"
	err = s.explainMapper(&mapper{name: "newgidmap", path: setuid}, errors.New("write failed"), extents)
	if !strings.Contains(err.Error(), "no_new_privs") {
		t.Errorf("%v: %s", err, errs.Hint(err))
	}
}
