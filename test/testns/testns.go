// Package testns runs a package's tests in a user and mount namespace as uid 0, with the
// ids of the default map: what works on the image store runs nowhere else.
package testns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/userns"
)

// Main is TestMain: called outside, it runs the test program again within.
func Main(m *testing.M) {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	switch {
	case userns.InReexec():
		if err := userns.EnterReexec(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		// Fuzzing starts more of us by this name.
		os.Args[0] = exe
		os.Exit(m.Run())
	case within():
		os.Exit(m.Run())
	case os.Geteuid() == 0:
		os.Exit(asRoot(exe))
	}
	ctx := context.Background()
	ids, err := userns.DefaultMap(ctx)
	if err == nil {
		var code int
		if code, err = userns.Reexec(ctx, ids, os.Args[1:]); err == nil {
			os.Exit(code)
		}
	}
	fmt.Fprintln(os.Stderr, "user namespace:", err)
	os.Exit(1)
}

// within says whether we are uid 0 of a user namespace already.
func within() bool {
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil || os.Geteuid() != 0 {
		return false
	}
	var inside, outside, count uint32
	_, err = fmt.Sscan(string(ids), &inside, &outside, &count)
	return err == nil && count != 1<<32-1
}

// asRoot needs no subordinate range.
func asRoot(exe string) int {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = exe
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	ids := []syscall.SysProcIDMap{{HostID: 0, Size: 65537}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
	}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil:
		fmt.Fprintln(os.Stderr, "user namespace:", err)
		return 1
	}
	return 0
}

// Need skips a test with the reason, and fails it in CI.
func Need(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("RC_TEST_NO_SKIP") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// Children are the pids of our children whose command line, with a 0 behind each word, begins so.
func Children(t testing.TB, command string) []int {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, task := range tasks {
		data, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		for field := range strings.FieldsSeq(string(data)) {
			line, _ := os.ReadFile("/proc/" + field + "/cmdline")
			if pid, err := strconv.Atoi(field); err == nil && strings.HasPrefix(string(line), command) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
