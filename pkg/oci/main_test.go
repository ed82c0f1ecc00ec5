package oci

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// TestMain plays every process of the protocol: the test itself, the shim in its user
// namespace, the child, and the init.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "init":
			unix.Exit(Init())
		case "reaper":
			unix.Exit(Reaper(os.Args[2:]))
		case "test-shim":
			testShim()
		case "test-keyring":
			id, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
			_, _ = fmt.Fprintln(os.Stdout, id, err)
			unix.Exit(0)
		}
	}
	m.Run()
}

// plan is what the test tells the shim.
type plan struct {
	Spec          *specs.Spec
	Rootfs        string
	Seccomp       []byte
	Init          bool
	GroupAdd      []string
	Extra         int // descriptors from 4 on are Config.ExtraFiles
	DieWithParent bool
	Cgroup        string // directory for Config.Cgroup
	Setup         string // shell commands in the shim's mount namespace
	AfterFork     string // the same, after the process was forked
	Trees         []string
	Between       string // shell commands between Ready and Run; $PID is the process
	Stdin         string // written to the terminal
	StdinAfter    string // what the terminal must have shown before
	SignalAfter   string // output that must have come before Signal is sent
	Signal        int
	NoSetAttr     bool // mount_setattr(2) does not exist, as before Linux 5.12
	IgnoreHangup  bool // SIGHUP and SIGUSR1 are ignored in the shim
	Leave         bool // die without waiting, once the process has said SignalAfter
}

// outcome is what the shim tells the test.
type outcome struct {
	Code    int    // of the container, -1 if it did not run
	Err     string // of Start, Ready or Run
	ErrCode int
	Hint    string
	Sentry  string // the sentinel that errors.Is finds
	Ready   time.Duration
	Run     time.Duration
	Output  string // of the terminal
}

// testShim runs in a new user, mount and pid namespace, as rc-shim does.
func testShim() {
	var p plan
	result := outcome{Code: -1}
	report := os.NewFile(3, "report")
	unix.CloseOnExec(3)
	err := json.NewDecoder(report).Decode(&p)
	if err == nil {
		err = runPlan(&p, &result)
	}
	if err != nil {
		result.Err, result.ErrCode, result.Hint = err.Error(), errs.Code(err), errs.Hint(err)
		for _, kind := range kinds() {
			if errors.Is(err, kind) {
				result.Sentry = kind.Error()
			}
		}
	}
	_ = json.NewEncoder(report).Encode(result)
	unix.Exit(0)
}

func shell(script string, env ...string) error {
	if script == "" {
		return nil
	}
	cmd := exec.Command("/bin/sh", "-ec", script)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}

func runPlan(p *plan, result *outcome) error {
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return err
	}
	if os.Getpid() == 1 {
		if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			return err
		}
	}
	if err := shell(p.Setup); err != nil {
		return err
	}
	if p.NoSetAttr {
		runtime.LockOSThread()
		if err := linux.LoadSeccomp(refuse(unix.SYS_MOUNT_SETATTR, unix.ENOSYS)); err != nil {
			return err
		}
	}
	exe, err := ReadOnlyExe()
	if err != nil {
		return err
	}
	cfg := Config{
		Spec: p.Spec, Rootfs: p.Rootfs, Seccomp: p.Seccomp, Init: p.Init, GroupAdd: p.GroupAdd, Exe: exe,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, DieWithParent: p.DieWithParent,
	}
	for i := range p.Extra {
		cfg.ExtraFiles = append(cfg.ExtraFiles, os.NewFile(uintptr(4+i), "extra"))
	}
	if p.Cgroup != "" {
		if cfg.Cgroup, err = os.Open(p.Cgroup); err != nil {
			return err
		}
	}
	var gate *os.File
	if p.SignalAfter != "" && !p.Spec.Process.Terminal {
		gate, cfg.Stdout, err = os.Pipe()
		if err != nil {
			return err
		}
	}
	start := time.Now()
	proc, err := p.start(cfg)
	if err != nil {
		return err
	}
	defer proc.Close()
	if err := proc.Ready(); err != nil {
		_, _ = proc.Wait()
		return err
	}
	result.Ready = time.Since(start)
	if err := shell(p.Between, fmt.Sprintf("PID=%d", proc.PID)); err != nil {
		return errors.Join(err, proc.Kill())
	}
	start = time.Now()
	if err := proc.Run(); err != nil {
		code, waitErr := proc.Wait()
		if code != errs.Code(err) {
			return fmt.Errorf("exit code %d, error's %d: %w", code, errs.Code(err), err)
		}
		return errors.Join(err, waitErr)
	}
	result.Run = time.Since(start)
	terminal := make(chan string, 1)
	if proc.Console != nil {
		go func() {
			if err := awaitOutput(proc.Console, p.StdinAfter); err != nil {
				terminal <- err.Error()
				return
			}
			_, _ = proc.Console.WriteString(p.Stdin)
			data, _ := io.ReadAll(proc.Console)
			terminal <- string(data)
		}()
	}
	if gate != nil {
		_ = cfg.Stdout.Close()
		if err := awaitOutput(gate, p.SignalAfter); err != nil {
			return err
		}
		if p.Leave {
			return nil
		}
		if err := proc.Signal(unix.Signal(p.Signal)); err != nil {
			return err
		}
		go func() { _, _ = io.Copy(os.Stdout, gate) }()
	}
	result.Code, err = proc.Wait()
	if proc.Console != nil {
		result.Output = <-terminal
	}
	return err
}

// start starts the process, in the steps that a shim takes where there are Trees.
func (p *plan) start(cfg Config) (*Process, error) {
	if len(p.Trees) == 0 {
		return Start(context.Background(), cfg)
	}
	cfg.Trees = p.Trees
	order, err := NewOrder(&cfg)
	if err != nil {
		return nil, err
	}
	memfd, err := linux.SealedMemfd("order", order.Encode())
	if err != nil {
		return nil, err
	}
	b := cfg.birth()
	if b.Flags != order.Flags() {
		return nil, fmt.Errorf("flags %#x, the order has %#x", b.Flags, order.Flags())
	}
	proc, err := Fork(b)
	if err != nil {
		return nil, err
	}
	if err := shell(p.AfterFork); err != nil {
		return nil, err
	}
	var trees []*os.File
	for _, path := range p.Trees {
		fd, err := linux.CloneTree(unix.AT_FDCWD, path, true)
		if err != nil {
			return nil, err
		}
		trees = append(trees, os.NewFile(uintptr(fd), path))
	}
	return proc, proc.Tell(memfd, trees)
}

func awaitOutput(r io.Reader, want string) error {
	if want == "" {
		return nil
	}
	var seen []byte
	buf := make([]byte, 256)
	for !bytes.Contains(seen, []byte(want)) {
		n, err := r.Read(buf)
		if err != nil {
			return fmt.Errorf("wait for %q, saw %q: %w", want, seen, err)
		}
		seen = append(seen, buf[:n]...)
	}
	return nil
}

// result is everything that a test can look at.
type result struct {
	outcome
	stdout, stderr string
}

// launch runs a plan. Root maps many ids, so that tests can become other users; an
// ordinary user only maps himself.
func launch(t *testing.T, p *plan, flags uintptr, extra ...*os.File) result {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "report"), os.NewFile(uintptr(fds[1]), "report")
	defer ours.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if p.Init && dynamic(t, self) {
		skip(t, "the init has to be a static program: CGO_ENABLED=0")
	}
	cmd := exec.Command(self, "test-shim")
	if p.IgnoreHangup {
		nohup, err := exec.LookPath("env")
		if err != nil {
			t.Fatal(err)
		}
		cmd = exec.Command(nohup, "--ignore-signal=HUP", "--ignore-signal=USR1", self, "test-shim")
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.ExtraFiles = append([]*os.File{theirs}, extra...)
	cmd.WaitDelay = 5 * time.Second
	uids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	gids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	if manyIDs() {
		uids = append(uids, syscall.SysProcIDMap{ContainerID: 1, HostID: 700001, Size: 65535})
		gids = append(gids, syscall.SysProcIDMap{ContainerID: 1, HostID: 700001, Size: 65535})
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | flags,
		UidMappings: uids, GidMappings: gids, GidMappingsEnableSetgroups: manyIDs(),
		Credential: &syscall.Credential{NoSetGroups: true},
		Pdeathsig:  unix.SIGKILL,
	}
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) {
			skip(t, "user namespaces are not available: "+err.Error())
		}
		t.Fatal(err)
	}
	if err := json.NewEncoder(ours).Encode(p); err != nil {
		t.Fatal(err)
	}
	r := result{}
	decodeErr := json.NewDecoder(ours).Decode(&r.outcome)
	waitErr := cmd.Wait()
	r.stdout, r.stderr = stdout.String(), stderr.String()
	if decodeErr != nil {
		t.Fatalf("shim: %v, %v\n%s%s", decodeErr, waitErr, r.stdout, r.stderr)
	}
	return r
}

// dynamic tells whether a program needs a loader, which is not in the container; the race
// detector makes such programs.
func dynamic(t *testing.T, path string) bool {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return true
		}
	}
	return false
}

func manyIDs() bool { return os.Getuid() == 0 }

func needManyIDs(t *testing.T) {
	t.Helper()
	if !manyIDs() {
		skip(t, "only one id is mapped: run as root as well")
	}
}

// skip leaves a test out, but not where nothing may be left out.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("RC_TEST_NO_SKIP") != "" && os.Getuid() == 0 && !strings.Contains(why, "CGO_ENABLED") {
		t.Fatal(why)
	}
	t.Skip(why)
}

// busyboxRoot makes a small root filesystem.
func busyboxRoot(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("/bin/busybox")
	if err != nil {
		skip(t, "busybox-static is not installed")
	}
	// Not t.TempDir: its parents are 0700 for another user of the container.
	root := filepath.Join(t.TempDir(), "rootfs")
	for _, dir := range []string{"bin", "etc", "tmp", "home"} {
		mkdir(t, filepath.Join(root, dir))
	}
	write(t, filepath.Join(root, "bin/busybox"), string(data), 0o755)
	for applet := range strings.FieldsSeq("sh ls cat id true false sleep mount umount echo stat hostname pwd env kill tty stty readlink touch chmod wc head setsid ps ln mkdir rm test dd grep sort mknod") {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", applet)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n", 0o644)
	write(t, filepath.Join(root, "etc/group"), "root:x:0:root\ntty:x:5:\nwheel:x:10:root,alice\nvideo:x:44:alice\nalice:x:1000:\n", 0o644)
	return root
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, data string, mode os.FileMode) {
	t.Helper()
	mkdir(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte(data), mode); err != nil {
		t.Fatal(err)
	}
}

// testSpec is a container as `rc run` would make it, running a shell script.
func testSpec(script string) *specs.Spec {
	caps := DefaultCapabilities()
	return &specs.Spec{
		Root:     &specs.Root{Path: "rootfs"},
		Hostname: "box",
		Process: &specs.Process{
			Args:         []string{"sh", "-c", script},
			Env:          []string{"PATH=/usr/bin:/bin"},
			Cwd:          "/",
			Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		},
		Mounts: DefaultMounts(MountOptions{}),
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.MountNamespace},
				{Type: specs.PIDNamespace},
				{Type: specs.NetworkNamespace},
				{Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace},
				{Type: specs.CgroupNamespace},
			},
			MaskedPaths:   MaskedPaths(),
			ReadonlyPaths: ReadonlyPaths(),
		},
	}
}

// run starts script in a fresh root; change may alter the plan first.
func run(t *testing.T, script string, change func(*plan)) result {
	t.Helper()
	p := &plan{Spec: testSpec(script), Rootfs: busyboxRoot(t)}
	if change != nil {
		change(p)
	}
	return launch(t, p, unix.CLONE_NEWPID)
}

// output runs a script that has to succeed.
func output(t *testing.T, script string, change func(*plan)) string {
	t.Helper()
	r := run(t, script, change)
	if r.Err != "" || r.Code != 0 {
		t.Fatalf("code %d, error %q, hint %q\nstdout: %s\nstderr: %s", r.Code, r.Err, r.Hint, r.stdout, r.stderr)
	}
	return strings.TrimSpace(r.stdout)
}
