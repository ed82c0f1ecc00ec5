package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// grace is how long a container's end may go on after rc has: the shim unmounts, and a
// removed container's files are deleted in the background.
const grace = 10 * time.Second

// aSecond is, and some more, how long a call takes what a kill left for another call's work.
const aSecond = 1500 * time.Millisecond

// checkLeftovers fails the script's test if something of it is still there, and removes it.
func checkLeftovers(env *testscript.Env) {
	forgotten := nextCall(env)
	var left []string
	again := time.Now().Add(aSecond)
	for end := time.Now().Add(grace); ; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(again) {
			nextCall(env)
			again = again.Add(grace)
		}
		left = slices.Concat(forgotten, processes(env.WorkDir), mounts(env.WorkDir), records(env))
		if len(left) == 0 || time.Now().After(end) {
			break
		}
	}
	kill(env.WorkDir)
	if err := removeTree(env.WorkDir); err != nil {
		left = append(left, fmt.Sprintf("%v", err))
	}
	if len(left) > 0 {
		env.T().Log("left behind:\n  " + strings.Join(left, "\n  "))
		env.T().FailNow()
	}
}

// nextCall is the next call of rc after a script, which takes away what was killed. It returns the
// containers that the script forgot to remove.
func nextCall(env *testscript.Env) []string {
	rc := func(args ...string) string {
		cmd := exec.Command(env.Getenv("RC"), args...)
		cmd.Env = env.Vars
		out, _ := cmd.Output() // a script may have broken what rc needs: then nothing is listed
		return strings.TrimSpace(string(out))
	}
	var list []string
	for name := range strings.FieldsSeq(rc("ps", "--all", "--format", "{{.Names}}")) {
		list = append(list, "container: "+name)
	}
	rc("rm", "--all", "--force")
	return list
}

// pids are the processes that have to do with dir: their environment or command line says so,
// or they see a mount of it, as a container, its shim and fuse-overlayfs do.
func pids(dir string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		for _, name := range []string{"environ", "cmdline", "mountinfo"} {
			data, err := os.ReadFile(filepath.Join("/proc", entry.Name(), name))
			// A slash, so that script "run" does not see what "run-2" did.
			if err == nil && strings.Contains(string(data), dir+"/") {
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

func processes(dir string) []string {
	var list []string
	for _, pid := range pids(dir) {
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue // gone meanwhile
		}
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if len(cmdline) == 0 {
			cmdline = stat
		}
		list = append(list, fmt.Sprintf("process %d: %s", pid, strings.ReplaceAll(string(cmdline), "\x00", " ")))
	}
	return list
}

func kill(dir string) {
	for range 100 {
		found := pids(dir)
		for _, pid := range found {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		if len(found) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// mounts are those in our own mount namespace.
func mounts(dir string) []string {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return []string{err.Error()}
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, dir+"/") {
			list = append(list, "mount: "+strings.TrimSpace(line))
		}
	}
	return list
}

// records are those of containers: each script removes what it made, and after that there must
// be no name, no tree, no trash and no runtime directory.
func records(env *testscript.Env) []string {
	var list []string
	data := filepath.Join(env.Getenv("HOME"), ".local/share/rc")
	for _, pattern := range []string{
		data + "/containers/*", data + "/names/*", data + "/trash/*",
		env.Getenv("XDG_RUNTIME_DIR") + "/rc/containers/*",
		data + "/storage/overlay/staging/*",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return []string{err.Error()}
		}
		for _, path := range found {
			list = append(list, "file: "+path)
		}
	}
	return list
}

// removeTree removes files of subordinate ids too, in a user namespace and without rc.
func removeTree(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	out, err := exec.Command("unshare", "--map-auto", "--map-root-user", "rm", "-rf", dir).CombinedOutput()
	if _, stat := os.Lstat(dir); errors.Is(stat, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("remove %q: %w: %s", dir, err, out)
}

func removeAll(t *testing.T, dir string) {
	t.Helper()
	if err := removeTree(dir); err != nil {
		t.Error(err)
	}
}
