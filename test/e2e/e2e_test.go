// Package e2e runs rc from the outside, as its user does: scripts (testscript) in testdata. The
// test binary is compiled once and runs on test host (1), in the VM and on a laptop, from a
// directory that holds testdata.
//
// Each script has a home, a runtime directory and so an image store of its own, in $WORK. It must
// remove what it made: after it no process, mount, cgroup or record may be left (leftovers_test.go).
// commands_test.go says what scripts can use beside testscript's own commands.
//
// Environment: RC_E2E_BIN is where the programs are (else bin, ../bin, ../../bin); RC_E2E_TMP where
// scripts work (else /var/tmp); RC_E2E_WITHOUT names what this host need not have; with
// RC_TEST_NO_SKIP=1 anything else that is missing is a failure.
package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rc-containers/rc/test/busybox"
)

// suite is what all scripts share.
type suite struct {
	bin     string // directory of rc, rc-shim, rc-net
	work    string // directory of the scripts' directories
	archive string // root filesystem of the test image
	probe   string // this program, see probe_test.go
	host    *host
}

func TestScripts(t *testing.T) {
	s := newSuite(t)
	s.run(t, "testdata", "")
}

// TestFilesystem runs the scripts about files with both programs that mount a root.
func TestFilesystem(t *testing.T) {
	s := newSuite(t)
	for _, program := range []string{"native", "fuse-overlayfs"} {
		t.Run(program, func(t *testing.T) {
			s.host.need(t, map[string]string{"native": "native", "fuse-overlayfs": "fuse"}[program])
			s.run(t, "testdata/fs", program)
		})
	}
}

// TestLimits needs the controllers that systemd delegates: in the VM, and on a laptop.
func TestLimits(t *testing.T) {
	s := newSuite(t)
	s.run(t, "testdata/limits", "")
}

// TestChanged runs the script of a host that test/host/run.sh --change made: what ordinary users cannot
// do to the machine that they are on.
func TestChanged(t *testing.T) {
	change := os.Getenv("RC_E2E_CHANGED")
	if change == "" {
		t.Skip("for hosts that test/host/run.sh --change has changed")
	}
	s := newSuite(t)
	s.run(t, filepath.Join("testdata/changed", change), "")
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	s := &suite{host: newHost()}
	s.bin = binaries(t)
	base := os.Getenv("RC_E2E_TMP")
	if base == "" {
		base = "/var/tmp"
	}
	// Short: the path of a socket ends at 107 bytes.
	work, err := os.MkdirTemp(base, "rc-e2e.") //nolint:usetesting // t.TempDir is too long, and cannot remove other ids' files
	if err != nil {
		t.Fatal(err)
	}
	s.work = work
	if s.probe, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	before := s.host.cgroups()
	t.Cleanup(func() {
		s.host.checkCgroups(t, before)
		removeAll(t, work)
	})
	s.archive = filepath.Join(work, "image.tar")
	f, err := os.Create(s.archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := busybox.Write(f, busybox.Path); err != nil {
		t.Fatal(err)
	}
	return s
}

func binaries(t *testing.T) string {
	t.Helper()
	candidates := []string{os.Getenv("RC_E2E_BIN"), "bin", "../bin", "../../bin"}
	for _, dir := range candidates {
		if dir == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "rc")); err == nil {
			abs, err := filepath.Abs(dir)
			if err != nil {
				t.Fatal(err)
			}
			return abs
		}
	}
	t.Fatalf("no rc in any of %q: make build, or set RC_E2E_BIN", candidates)
	return ""
}

// run runs the scripts of a directory; program is what --storage-opt mount_program shall be, "" for rc's choice.
func (s *suite) run(t *testing.T, dir, program string) {
	t.Helper()
	work, err := os.MkdirTemp(s.work, "") //nolint:usetesting // below newSuite's
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:         dir,
		WorkdirRoot: work,
		Setup: func(env *testscript.Env) error {
			return s.setup(env, program)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"need":       s.cmdNeed,
			"exits":      cmdExits,
			"eventually": cmdEventually,
			"testimage":  s.cmdTestImage,
			"units":      s.cmdUnits,
			"systemctl":  cmdSystemctl,
			"errors":     cmdErrors,
			"count":      cmdCount,
			"registry":   cmdRegistry,
			"serve":      cmdServe,
			"archive":    cmdArchive,
			"terminal":   cmdTerminal,
		},
		Condition:           s.host.has,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// setup makes the home of one script.
func (s *suite) setup(env *testscript.Env, program string) error {
	home := filepath.Join(env.WorkDir, "home")
	runtime := filepath.Join(env.WorkDir, "run")
	temp := filepath.Join(env.WorkDir, "tmp")
	for _, dir := range []string{home, runtime, temp} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	bin := s.bin
	if program != "" {
		bin = filepath.Join(env.WorkDir, "wrapped")
		if err := wrap(bin, filepath.Join(s.bin, "rc"), program); err != nil {
			return err
		}
	}
	// The host's defaults (capabilities, for one) are not what is tested.
	settings := filepath.Join(env.WorkDir, "containers.conf")
	if err := os.WriteFile(settings, nil, 0o644); err != nil {
		return err
	}
	env.Setenv("CONTAINERS_CONF", settings)
	env.Setenv("HOME", home)
	env.Setenv("TMPDIR", temp)
	env.Setenv("XDG_RUNTIME_DIR", runtime)
	env.Setenv("PATH", bin+":/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")
	env.Setenv("RC", filepath.Join(bin, "rc"))
	env.Setenv("BIN", s.bin)
	env.Setenv("IMAGE", "localhost/test")
	env.Setenv("ARCHIVE", s.archive)
	env.Setenv("PROBE", s.probe)
	env.Setenv("UNIT", fmt.Sprintf("e2e-%d-%s", os.Getpid(), strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")))
	env.Setenv("DISK", os.Getenv("RC_DISK"))
	env.Setenv("MEET", os.Getenv("RC_E2E_MEET"))
	env.Setenv("MOUNT_PROGRAM", program)
	env.Setenv("UID", fmt.Sprint(os.Getuid()))
	env.Setenv("GID", fmt.Sprint(os.Getgid()))
	env.Setenv("USER", s.host.user)
	if s.host.bus != "" {
		env.Setenv("DBUS_SESSION_BUS_ADDRESS", s.host.bus)
	}
	env.Values[keyT{}] = env.T()
	env.Values[keyRegistry{}] = map[string]*registry{}
	env.Values[envT{}] = env.Vars
	env.Defer(func() { checkLeftovers(env) })
	return nil
}

// wrap writes dir/rc, which adds the option and becomes rc.
func wrap(dir, rc, program string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf("#!/bin/sh\nexec %s --storage-opt mount_program=%s \"$@\"\n", rc, program)
	return os.WriteFile(filepath.Join(dir, "rc"), []byte(text), 0o755)
}
