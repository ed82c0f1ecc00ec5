package userns

import (
	"errors"
	"fmt"
	"os"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

const (
	sysctlMax        = "user.max_user_namespaces"
	sysctlClone      = "kernel.unprivileged_userns_clone" // Debian, Arch
	sysctlRestricted = "kernel.apparmor_restrict_unprivileged_userns"
)

// Explain adds to an error of clone(2) or of writing a map why this machine does not let
// an ordinary user have a user namespace, and what to do about it. Other errors, and
// those with a hint, are returned as they are.
func Explain(err error) error { return system().explain(err) }

func (s source) explain(err error) error {
	if err == nil || errs.Hint(err) != "" {
		return err
	}
	because := func(why, hint string) error {
		return errs.WithCheck(fmt.Errorf("%w (%s)", err, why), hint, "userns")
	}
	full := errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EUSERS)
	denied := errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)
	switch {
	case full && s.sysctl(sysctlMax) == "0":
		return because(sysctlMax+" is 0: user namespaces are switched off", persist(sysctlMax, "15000"))
	case full:
		return because(fmt.Sprintf("too many user namespaces, or more than 32 inside each other; %s is %s", sysctlMax, s.sysctl(sysctlMax)),
			persist(sysctlMax, "15000"))
	case errors.Is(err, unix.EINVAL) && !exists(s.proc+"/self/ns/user"):
		return because("the kernel was built without CONFIG_USER_NS", "boot a kernel that has user namespaces")
	case !denied:
		return err
	case s.sysctl(sysctlClone) == "0":
		return because(sysctlClone+" is 0: user namespaces are for root only", persist(sysctlClone, "1"))
	case s.sysctl(sysctlRestricted) == "1":
		return because(sysctlRestricted+" is 1: AppArmor keeps user namespaces from programs without a profile", apparmorHint())
	case s.statusField("Seccomp") == "2":
		return because("a seccomp filter is in force here, most likely that of a surrounding container",
			"start the surrounding container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined")
	case !s.rootIsMount():
		return because("rc runs in a chroot, where the kernel gives no user namespaces", "leave the chroot, or enter it with pivot_root instead")
	}
	return err
}

// restricted says whether AppArmor took the capabilities of a child away. Since Ubuntu
// 24.04 clone(2) succeeds, and the child is put under the profile unprivileged_userns.
func (s source) restricted(pid int) error {
	if s.sysctl(sysctlRestricted) != "1" {
		return nil
	}
	// What cannot be read has no such label.
	label, _ := os.ReadFile(fmt.Sprintf("%s/%d/attr/current", s.proc, pid))
	if !strings.Contains(string(label), "unprivileged_userns") {
		return nil
	}
	return errs.WithCheck(fmt.Errorf("user namespace of process %d: %w: AppArmor took its capabilities away (%s is 1 and rc has no profile)",
		pid, unix.EACCES, sysctlRestricted), apparmorHint(), "userns")
}

// shippedProfile is where packages have contrib/apparmor/rc, for rc in /usr/bin.
const shippedProfile = "/usr/share/rc-containers/apparmor/rc"

// apparmorHint installs a profile that allows rc user namespaces; what rc starts runs under it, too.
func apparmorHint() string {
	exe, err := os.Executable()
	if err != nil {
		exe = "/usr/local/bin/rc"
	}
	if exe == "/usr/bin/rc" && exists(shippedProfile) {
		return "sudo cp " + shippedProfile + " /etc/apparmor.d/rc && sudo apparmor_parser -r /etc/apparmor.d/rc"
	}
	return fmt.Sprintf("printf 'abi <abi/4.0>,\nprofile rc %s{,-shim,-net,-image} flags=(unconfined) { userns, }\n' | sudo tee /etc/apparmor.d/rc && sudo apparmor_parser -r /etc/apparmor.d/rc", exe)
}

// explainMapper says why newuidmap or newgidmap could not write a map.
func (s source) explainMapper(h *mapper, err error, extents []specs.LinuxIDMapping) error {
	file, letter := s.subuid, "u"
	capability := "cap_setuid"
	if h.name == "newgidmap" {
		file, letter, capability = s.subgid, "g", "cap_setgid"
	}
	if why, hint := s.unprivileged(h.name, h.path, capability); why != "" {
		return errs.WithCheck(fmt.Errorf("%w (%s)", err, why), hint, "newuidmap")
	}
	name, local := s.userName(os.Getuid())
	text := err.Error()
	switch {
	case strings.Contains(text, "not allowed"):
		return errs.WithCheck(fmt.Errorf("%w (%s does not give %s these ids; the file may just have changed)", err, file, name),
			s.mend(name, local, letter == "u", letter == "g"), "subuid")
	case !s.haveIDs("/self/"+letter+"id_map", extents):
		return errs.WithCheck(fmt.Errorf("%w (the user namespace that rc runs in has not all of these ids)", err),
			fmt.Sprintf("give %s a range in %s that lies within %s/self/%sid_map", name, file, s.proc, letter), "subuid")
	}
	return err
}

// unprivileged says why newuidmap or newgidmap, at path, has not the privilege that it is for, and what to do;
// "" where it has.
func (s source) unprivileged(name, path, capability string) (why, hint string) {
	switch {
	case !privileged(path):
		return path + " is not setuid root and has no file capability",
			fmt.Sprintf("sudo chmod u+s %s (or: sudo setcap %s+ep %s)", path, capability, path)
	case nosuid(path):
		return path + " is on a file system mounted nosuid", "remount it with the option suid"
	case s.statusField("NoNewPrivs") == "1":
		return fmt.Sprintf("no_new_privs is set on rc, so that %s stays unprivileged", name),
			"take NoNewPrivileges=yes out of the unit, or --security-opt no-new-privileges off the surrounding container"
	}
	return "", ""
}

// haveIDs says whether our own namespace has the ids that a map wants to hand out.
func (s source) haveIDs(file string, want []specs.LinuxIDMapping) bool {
	have, err := readMap(s.proc + file)
	if err != nil {
		return true
	}
	var inside []idRange
	for _, e := range have {
		inside = append(inside, idRange{uint64(e.ContainerID), uint64(e.Size)})
	}
	for _, e := range want {
		if len(subtract(idRange{uint64(e.HostID), uint64(e.Size)}, inside)) > 0 {
			return false
		}
	}
	return true
}

// privileged says whether a program gets privileges from its file.
func privileged(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	if info.Mode()&os.ModeSetuid != 0 {
		return true
	}
	n, err := unix.Getxattr(path, "security.capability", nil)
	return err == nil && n > 0
}

func nosuid(path string) bool {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return false
	}
	return fs.Flags&unix.ST_NOSUID != 0
}

// sysctl is a sysctl's value, "" where the kernel has none of the name.
func (s source) sysctl(name string) string {
	data, err := os.ReadFile(s.proc + "/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// persist sets a sysctl now and for the next boots.
func persist(name, value string) string {
	return fmt.Sprintf("echo %s=%s | sudo tee /etc/sysctl.d/90-rc.conf && sudo sysctl -p /etc/sysctl.d/90-rc.conf", name, value)
}

// statusField is a field of /proc/self/status.
func (s source) statusField(name string) string {
	data, err := os.ReadFile(s.proc + "/self/status")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// rootIsMount says whether our root directory is that of the mount namespace: in a chroot
// no mount has it as its mount point (clone(2), EPERM since Linux 3.9).
func (s source) rootIsMount() bool {
	data, err := os.ReadFile(s.proc + "/self/mountinfo")
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == "/" {
			return true
		}
	}
	return false
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
