package oci

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestMasked(t *testing.T) {
	got := output(t, `
for f in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do
	[ ! -e $f ] || [ "$(wc -c <$f)" = 0 ] || echo "$f is readable"
done
for d in /proc/scsi /proc/acpi /sys/firmware /sys/dev/block; do
	[ ! -e $d ] || [ -z "$(ls -A $d)" ] || echo "$d is not empty"
	touch $d/x 2>/dev/null && echo "$d is writable"
done
for f in /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_forward /proc/sysrq-trigger /proc/irq/default_smp_affinity; do
	if [ -e $f ] && { echo 1 >$f; } 2>/dev/null; then echo "$f is writable"; fi
done
mount -t proc proc /tmp 2>/dev/null && echo "proc can be mounted unmasked"
echo end`, nil)
	if got != "end" {
		t.Error(got)
	}
}

func TestMaskedFilesAndDirectories(t *testing.T) {
	got := output(t, "cat /etc/secret /etc/passwd; ls /home; cat /etc/plain; echo x >/etc/plain; echo $?", func(p *plan) {
		write(t, p.Rootfs+"/etc/secret", "secret", 0o644)
		write(t, p.Rootfs+"/home/secret", "secret", 0o644)
		write(t, p.Rootfs+"/etc/plain", "plain\n", 0o644)
		write(t, p.Rootfs+"/etc/passwd", "joe:x:0:0::/:/bin/sh\n", 0o644)
		p.Spec.Process.User.Username = "joe" // looked up, though hidden from the command
		p.Spec.Linux.MaskedPaths = []string{"/etc/secret", "/etc/passwd", "/home", "/no/such", "/etc/secret/x"}
		p.Spec.Linux.ReadonlyPaths = []string{"/etc/plain", "/no/such"}
	})
	if got != "plain\n1" {
		t.Errorf("got %q", got)
	}
}

func TestLoopbackIsUp(t *testing.T) {
	if got := output(t, "ip address show lo | grep -o 'inet [^ ]*'", nil); got != "inet 127.0.0.1/8" {
		t.Errorf("lo of a new network namespace: %q", got)
	}
}

func TestDevices(t *testing.T) {
	got := output(t, `
stat -c '%n %t:%T %F' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty
for l in fd stdin stdout stderr core ptmx; do echo $l $(readlink /dev/$l); done
head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo x >/dev/null; echo out >/dev/stdout
ls /dev/pts /dev/mqueue; stat -c %a /dev/shm; ls /dev`, nil)
	want := `/dev/null 1:3 character special file
/dev/zero 1:5 character special file
/dev/full 1:7 character special file
/dev/random 1:8 character special file
/dev/urandom 1:9 character special file
/dev/tty 5:0 character special file
fd /proc/self/fd
stdin /proc/self/fd/0
stdout /proc/self/fd/1
stderr /proc/self/fd/2
core /proc/kcore
ptmx pts/ptmx
4
4
out
/dev/mqueue:

/dev/pts:
ptmx
1777
core
fd
full
mqueue
null
ptmx
pts
random
shm
stderr
stdin
stdout
tty
urandom
zero`
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestExtraDevice(t *testing.T) {
	if _, err := os.Stat("/dev/fuse"); err != nil {
		skip(t, err.Error())
	}
	change := func(path string) func(*plan) {
		return func(p *plan) { p.Spec.Linux.Devices = []specs.LinuxDevice{{Path: path, Type: "c"}} }
	}
	if got := output(t, "stat -c '%t:%T %F' /dev/fuse", change("/dev/fuse")); got != "a:e5 character special file" {
		t.Errorf("got %q", got)
	}
	if r := run(t, "true", change("/dev/no-such")); r.Err != `device "/dev/no-such": no such file or directory` {
		t.Errorf("missing device: %q", r.Err)
	}
	if r := run(t, "true", change("/etc/passwd")); !strings.Contains(r.Err, "not a device node") {
		t.Errorf("no device: %q", r.Err)
	}
}

// TestNothingOfTheHost looks for what would be left of the host's root.
func TestNothingOfTheHost(t *testing.T) {
	got := output(t, `
ls / | tr '\n' ' '; cat /proc/mounts | grep -E ' (/mnt|/home|/root|/work|/var)'
ls -l /proc/$$/fd | grep -v -E 'pipe|null|total'; cat /proc/1/comm; true`, func(p *plan) {
		if err := os.Symlink("busybox", p.Rootfs+"/bin/tr"); err != nil {
			t.Fatal(err)
		}
	})
	if want := "bin dev etc home proc sys tmp sh"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSelfPIDOne(t *testing.T) {
	got := output(t, "ps -o pid,comm | grep -v -E 'grep|PID'", nil)
	if !strings.HasPrefix(got, "1 sh") || strings.Contains(got, "init") {
		t.Errorf("processes:\n%s", got)
	}
}

func TestReadOnlyRoot(t *testing.T) {
	got := output(t, `touch /x 2>&1; touch /dev/shm/y /tmp/z && echo written; mount -o remount,rw / 2>&1 | head -1; touch /home/inner/q 2>&1`, func(p *plan) {
		p.Spec.Root.Readonly = true
		p.Spec.Process.Cwd = "/made/here" // before the root is read-only
		p.Spec.Mounts = append(p.Spec.Mounts,
			specs.Mount{Destination: "/tmp", Type: "tmpfs", Options: []string{"mode=1777"}},
			specs.Mount{Destination: "/home", Type: "tmpfs", Options: []string{"ro"}},
			specs.Mount{Destination: "/home/inner", Type: "tmpfs"})
	})
	want := "touch: /x: Read-only file system\nwritten\nmount: permission denied (are you root?)"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r := run(t, "touch /home/x", func(p *plan) {
		p.Spec.Mounts = append(p.Spec.Mounts, specs.Mount{Destination: "/home", Type: "tmpfs", Options: []string{"ro"}})
	})
	if r.Code == 0 {
		t.Error("a read-only tmpfs is writable")
	}
}

// filter is a classic BPF program in the machine's byte order.
func filter(program ...unix.SockFilter) []byte {
	var out []byte
	for _, i := range program {
		out = binary.NativeEndian.AppendUint16(out, i.Code)
		out = append(out, i.Jt, i.Jf)
		out = binary.NativeEndian.AppendUint32(out, i.K)
	}
	return out
}

// deny makes one system call fail with EPERM.
func deny(number uint32) []byte { return refuse(number, unix.EPERM) }

// refuse makes one system call fail.
func refuse(number uint32, err unix.Errno) []byte {
	return filter(
		unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: number, Jf: 1},
		unix.SockFilter{Code: unix.BPF_RET, K: 0x00050000 | uint32(err)}, // SECCOMP_RET_ERRNO
		unix.SockFilter{Code: unix.BPF_RET, K: 0x7fff0000},               // SECCOMP_RET_ALLOW
	)
}

func TestSeccomp(t *testing.T) {
	for _, test := range []struct {
		nnp  bool
		user string
		init bool
	}{{}, {nnp: true}, {init: true}, {user: "alice"}, {user: "alice", nnp: true, init: true}} {
		if test.user != "" && !manyIDs() {
			continue
		}
		got := output(t, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status; mkdir /tmp/x 2>&1", func(p *plan) {
			p.Seccomp = deny(unix.SYS_MKDIRAT)
			if unix.SYS_MKDIRAT != 34 { // amd64: busybox calls mkdir(2), number 83
				p.Seccomp = deny(83)
			}
			p.Spec.Process.NoNewPrivileges = test.nnp
			p.Spec.Process.User.Username = test.user
			p.Init = test.init
			p.Spec.Process.Args[2] += "; true"
			if err := os.Chmod(p.Rootfs+"/tmp", 0o777); err != nil {
				t.Fatal(err)
			}
		})
		nnp := "0"
		if test.nnp {
			nnp = "1"
		}
		want := "NoNewPrivs:\t" + nnp + "\nSeccomp:\t2\nmkdir: can't create directory '/tmp/x': Operation not permitted"
		if got != want {
			t.Errorf("%+v: got %q, want %q", test, got, want)
		}
	}
}

// TestSeccompIsLast: a filter that knows little more than execve and what a program needs
// to end does not keep a container from starting.
func TestSeccompIsLast(t *testing.T) {
	for _, call := range []uint32{
		unix.SYS_SETRESUID, unix.SYS_SETRESGID, unix.SYS_CAPSET, unix.SYS_PRCTL, unix.SYS_SETGROUPS, unix.SYS_PRLIMIT64,
		unix.SYS_SENDMSG, unix.SYS_CLOSE_RANGE, unix.SYS_RT_SIGACTION, unix.SYS_FCHDIR, unix.SYS_PIVOT_ROOT, unix.SYS_SECCOMP,
	} {
		r := run(t, "exit 3", func(p *plan) { p.Seccomp = deny(call) })
		if r.Err != "" || r.Code != 3 {
			t.Errorf("without system call %d: code %d, %q", call, r.Code, r.Err)
		}
	}
}

// TestExeOverwrite tries what CVE-2019-5736 did: to write to the runtime's binary, which
// belongs to the user, through /proc/PID/exe.
func TestExeOverwrite(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	// The init is this binary: pid 1 in the container. Overwriting a running program gives
	// ETXTBSY, so the attack opens it for reading first and writes through /proc/self/fd
	// when it is no longer executed; a read-only mount refuses both with EROFS.
	got := output(t, `readlink /proc/1/exe; exec 9</proc/1/exe
{ echo x >/proc/1/exe; } 2>&1; { echo x >/proc/self/fd/9; } 2>&1; chmod 777 /proc/self/fd/9 2>&1`, func(p *plan) {
		p.Init = true
		p.Spec.Process.Args[2] += "; true"
	})
	lines := strings.Split(got, "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "/") {
		t.Fatalf("got %q", got)
	}
	for _, line := range lines[1:] {
		if !strings.Contains(line, "Read-only file system") && !strings.Contains(line, "Text file busy") {
			t.Errorf("got %q, want that it is read-only", line)
		}
	}
	if !strings.Contains(lines[3], "Read-only file system") {
		t.Errorf("chmod: %q", lines[3])
	}
	after, err := os.ReadFile(self)
	if err != nil || !slices.Equal(before, after) {
		t.Error("the program was changed")
	}
}

// TestSymlinkEscape has an image whose directories are symlinks that lead out.
func TestSymlinkEscape(t *testing.T) {
	outside := t.TempDir()
	volume := t.TempDir()
	write(t, volume+"/file", "volume", 0o644)
	up := strings.Repeat("../", 20)
	for _, link := range []string{outside, up + outside, "/etc/../.." + outside} {
		r := run(t, "cat /a/b/file; ls /a/b/", func(p *plan) {
			for _, name := range []string{"a", "dev", "proc", "sys"} {
				target := link
				if name != "a" {
					target += "/" + name
				}
				if err := os.Symlink(target, filepath.Join(p.Rootfs, name)); err != nil {
					t.Fatal(err)
				}
			}
			p.Spec.Mounts = append(p.Spec.Mounts,
				specs.Mount{Destination: "/a/b", Type: "bind", Source: volume, Options: []string{"rbind"}},
				specs.Mount{Destination: "/a/c/d", Type: "tmpfs"},
				specs.Mount{Destination: "/../../a/e", Type: "bind", Source: volume + "/file", Options: []string{"bind"}})
			p.Spec.Process.Cwd = "/a/made"
		})
		if r.Err != "" || r.stdout != "volumefile\n" {
			t.Errorf("link to %q: %q, %q, %s", link, r.stdout, r.Err, r.stderr)
		}
		entries, err := os.ReadDir(outside)
		if err != nil || len(entries) > 0 {
			t.Errorf("link to %q: something was made outside: %v, %v", link, entries, err)
		}
	}
}

// TestOldKernel: without mount_setattr(2) mounts get their flags after they are attached.
func TestOldKernel(t *testing.T) {
	dir := t.TempDir()
	for _, init := range []bool{false, true} {
		got := output(t, "touch /vol/x /x 2>&1; grep ' /vol ' /proc/self/mountinfo | grep -c nosuid; { echo 1 >/proc/sys/kernel/domainname; } 2>&1", func(p *plan) {
			p.NoSetAttr, p.Init = true, init
			p.Spec.Root.Readonly = true
			p.Spec.Mounts = append(p.Spec.Mounts, bindMount(dir, "/vol", "rbind", "ro", "nosuid"))
			p.Spec.Process.Args[2] += "; true"
		})
		want := "touch: /vol/x: Read-only file system\ntouch: /x: Read-only file system\n1\n" +
			"sh: can't create /proc/sys/kernel/domainname: Read-only file system"
		if got != want {
			t.Errorf("init %v: got %q", init, got)
		}
	}
}

// TestHostRoot: `--rootfs /` without an overlay.
func TestHostRoot(t *testing.T) {
	got := output(t, "echo $$; ls /bin/busybox; touch /etc/x 2>&1 | grep -c Read-only", func(p *plan) {
		p.Rootfs = "/"
		p.Spec.Root.Readonly = true
		p.Spec.Mounts = p.Spec.Mounts[:2]
		p.Spec.Process.Args = []string{"/bin/busybox", "sh", "-c", p.Spec.Process.Args[2]}
	})
	if got != "1\n/bin/busybox\n1" {
		t.Errorf("got %q", got)
	}
}

// TestKeyring: the session keyring of whoever starts the container stays outside.
func TestKeyring(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if dynamic(t, self) {
		skip(t, "the program that looks has to be a static one: CGO_ENABLED=0")
	}
	runtime.LockOSThread() // a keyring belongs to a thread, and so does the fork
	defer runtime.UnlockOSThread()
	ours, err := unix.KeyctlJoinSessionKeyring("rc-oci-test")
	if err != nil {
		skip(t, err.Error())
	}
	got := output(t, "", func(p *plan) {
		p.Spec.Mounts = append(p.Spec.Mounts, bindMount(self, "/bin/self", "rbind", "ro"))
		p.Spec.Process.Args = []string{"self", "test-keyring"}
	})
	if !strings.HasSuffix(got, " <nil>") || strings.HasPrefix(got, fmt.Sprint(ours)) {
		t.Errorf("the container has keyring %s, the caller %d", got, ours)
	}
}
