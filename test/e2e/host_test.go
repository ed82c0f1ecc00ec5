package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// host says what the machine that the tests run on can do.
type host struct {
	user    string
	bus     string   // address of the user's bus, "" without
	without []string // RC_E2E_WITHOUT: what is known to be missing here, and tested elsewhere
	strict  bool     // RC_TEST_NO_SKIP

	native func() bool
}

func newHost() *host {
	h := &host{
		without: strings.Fields(os.Getenv("RC_E2E_WITHOUT")),
		strict:  os.Getenv("RC_TEST_NO_SKIP") == "1",
		native:  sync.OnceValue(mountsOverlay),
	}
	if u, err := user.Current(); err == nil {
		h.user = u.Username
	}
	h.bus = os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if socket := fmt.Sprintf("/run/user/%d/bus", os.Getuid()); h.bus == "" && answers(socket) {
		h.bus = "unix:path=" + socket
	}
	return h
}

func answers(socket string) bool {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// has answers conditions of scripts: [native], [cgroup:memory], …
func (h *host) has(cond string) (bool, error) {
	kind, name, _ := strings.Cut(cond, ":")
	switch kind {
	case "native": // the kernel's overlayfs in a user namespace
		return h.native(), nil
	case "fuse":
		return opens("/dev/fuse") && onPath("fuse-overlayfs"), nil
	case "tun": // user-mode networks
		return opens("/dev/net/tun") && (onPath("slirp4netns") || onPath("pasta")), nil
	case "ipv6":
		l, err := net.Listen("tcp6", "[::1]:0")
		if err == nil {
			l.Close()
		}
		return err == nil, nil
	case "ipv6-route": // a way to other hosts, which pasta wants before it takes a port at an IPv6 address; nothing is sent
		c, err := net.Dial("udp6", "[2001:db8::1]:9")
		if err == nil {
			c.Close()
		}
		return err == nil, nil
	case "systemd": // a user manager on its bus
		path, found := strings.CutPrefix(h.bus, "unix:path=")
		return found && answers(path), nil
	case "cgroup": // a controller that the user manager may hand out
		return slices.Contains(h.controllers(), name), nil
	case "subids":
		return hasSubids("/etc/subuid") && hasSubids("/etc/subgid") && onPath("newuidmap"), nil
	case "root":
		return os.Geteuid() == 0, nil
	case "vm":
		return os.Getenv("RC_E2E_HOST") == "vm", nil
	case "program": // as [exec:…], for need
		return onPath(name), nil
	case "kernel": // kernel:5.12
		return kernelAtLeast(name)
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

// skipper is what testing.T and testscript.T have in common.
type skipper interface {
	Skip(args ...any)
	Fatal(args ...any)
}

// need skips the test where a condition does not hold; under RC_TEST_NO_SKIP=1 that is a failure,
// but for what RC_E2E_WITHOUT names.
func (h *host) need(t skipper, conditions ...string) {
	for _, cond := range conditions {
		ok, err := h.has(cond)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			continue
		}
		kind, _, _ := strings.Cut(cond, ":")
		if h.strict && !slices.Contains(h.without, kind) && !slices.Contains(h.without, cond) {
			t.Fatal("this host has no " + cond)
		}
		t.Skip("this host has no " + cond)
	}
}

// managerCgroup is where the user's manager lives.
func managerCgroup() string {
	uid := os.Getuid()
	return fmt.Sprintf("/sys/fs/cgroup/user.slice/user-%d.slice/user@%d.service", uid, uid)
}

func (h *host) controllers() []string {
	data, err := os.ReadFile(filepath.Join(managerCgroup(), "cgroup.controllers"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(data))
}

// cgroups are the directories of containers below the user's slice.
func (h *host) cgroups() []string {
	var found []string
	slice := filepath.Dir(managerCgroup())
	_ = filepath.WalkDir(slice, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), "rc-") {
			found = append(found, path)
		}
		return nil
	})
	return found
}

// checkCgroups fails the test if containers' cgroups are there that were not before.
func (h *host) checkCgroups(t *testing.T, before []string) {
	t.Helper()
	var left []string
	for range 50 {
		left = slices.DeleteFunc(h.cgroups(), func(path string) bool { return slices.Contains(before, path) })
		if len(left) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, path := range left {
		events, _ := os.ReadFile(filepath.Join(path, "cgroup.events")) // gone meanwhile: nothing to say
		t.Errorf("cgroup left behind: %s (%s)", path, strings.TrimSpace(strings.ReplaceAll(string(events), "\n", ", ")))
	}
}

func opens(device string) bool {
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

func onPath(program string) bool {
	if _, err := exec.LookPath(program); err == nil {
		return true
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if info, err := os.Stat(filepath.Join(dir, program)); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}

func hasSubids(file string) bool {
	u, err := user.Current()
	if err != nil {
		return false
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if name, _, _ := strings.Cut(line, ":"); name == u.Username || name == u.Uid {
			return true
		}
	}
	return false
}

// mountsOverlay tries it: kernels before 5.11 and some file systems cannot.
func mountsOverlay() bool {
	dir, err := os.MkdirTemp("/var/tmp", "rc-e2e.")
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	script := `cd "$1" && mkdir lower upper work merged &&
		mount -t overlay -o userxattr,lowerdir=lower,upperdir=upper,workdir=work overlay merged &&
		umount merged && rm -rf work`
	return exec.Command("unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", dir).Run() == nil
}

func kernelAtLeast(want string) (bool, error) {
	var major, minor, wantMajor, wantMinor int
	if _, err := fmt.Sscanf(want, "%d.%d", &wantMajor, &wantMinor); err != nil {
		return false, fmt.Errorf("kernel:%s: %w", want, err)
	}
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return false, err
	}
	if _, err := fmt.Sscanf(string(release), "%d.%d", &major, &minor); err != nil {
		return false, err
	}
	return major > wantMajor || major == wantMajor && minor >= wantMinor, nil
}
