package oci

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func bindMount(source, target string, options ...string) specs.Mount {
	return specs.Mount{Destination: target, Type: "bind", Source: source, Options: options}
}

func TestBindOptions(t *testing.T) {
	for _, test := range []struct {
		name    string
		options []string
		has     string // options in mountinfo that must be there
		lacks   string
		write   bool
	}{
		{"default", []string{"rbind"}, "rw", "ro,shared:,nosuid", true},
		{"read-only", []string{"rbind", "ro"}, "ro", "rw", false},
		{"last word counts", []string{"rbind", "ro", "rw"}, "rw", "ro", true},
		{"flags", []string{"bind", "nosuid", "nodev", "noexec"}, "nosuid,nodev,noexec", "ro", true},
		{"recursive", []string{"rbind", "rro"}, "ro", "rw", false},
		{"nosymfollow", []string{"rbind", "nosymfollow"}, "nosymfollow", "", true},
	} {
		dir := t.TempDir()
		r := run(t, "grep ' /vol ' /proc/self/mountinfo; touch /vol/x 2>/dev/null; echo $?", func(p *plan) {
			p.Spec.Mounts = append(p.Spec.Mounts, bindMount(dir, "/vol", test.options...))
		})
		if r.Err != "" {
			t.Errorf("%s: %s", test.name, r.Err)
			continue
		}
		line, code, _ := strings.Cut(strings.TrimSpace(r.stdout), "\n")
		fields := strings.Fields(line)
		if len(fields) < 6 {
			t.Errorf("%s: mountinfo %q", test.name, line)
			continue
		}
		flags := "," + fields[5] + ","
		for f := range strings.SplitSeq(test.has, ",") {
			if !strings.Contains(flags, ","+f+",") {
				t.Errorf("%s: %q lacks %q", test.name, flags, f)
			}
		}
		for f := range strings.SplitSeq(test.lacks, ",") {
			if f != "" && (strings.Contains(flags, ","+f+",") || strings.Contains(fields[6], f)) {
				t.Errorf("%s: %q has %q", test.name, line, f)
			}
		}
		if wrote := code == "0"; wrote != test.write {
			t.Errorf("%s: written: %v, want %v", test.name, wrote, test.write)
		}
	}
}

// TestReadOnlyAllTheWayDown mounts something below the source.
func TestReadOnlyAllTheWayDown(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, dir+"/sub")
	for options, want := range map[string]string{"rbind,ro": "1\n1", "rbind": "0\n0"} {
		got := output(t, "touch /vol/x 2>/dev/null; echo $?; touch /vol/sub/x 2>/dev/null; echo $?", func(p *plan) {
			p.Setup = "mount -t tmpfs tmpfs " + dir + "/sub"
			p.Spec.Mounts = append(p.Spec.Mounts, bindMount(dir, "/vol", strings.Split(options, ",")...))
		})
		if got != want {
			t.Errorf("%s: %q, want %q", options, got, want)
		}
	}
}

// TestLockedFlags: a source whose flags this user namespace may not clear.
func TestLockedFlags(t *testing.T) {
	got := output(t, "grep ' /vol ' /proc/self/mountinfo | wc -l; cat /vol/version | wc -l", func(p *plan) {
		p.Spec.Mounts = append(p.Spec.Mounts, bindMount("/proc", "/vol", "rbind", "rw", "exec", "dev", "suid"))
	})
	if got != "1\n1" {
		t.Errorf("got %q", got)
	}
}

// TestAccessTime: of a mount of one's own it can be changed, of the host's it cannot.
func TestAccessTime(t *testing.T) {
	dir := t.TempDir()
	for _, option := range []string{"noatime", "strictatime", "relatime", "nodiratime"} {
		got := output(t, "grep ' /vol ' /proc/self/mountinfo", func(p *plan) {
			p.Setup = "mount -t tmpfs -o nosuid tmpfs " + dir
			p.Spec.Mounts = append(p.Spec.Mounts, bindMount(dir, "/vol", "rbind", option))
		})
		if flags := strings.Fields(got)[5]; option != "strictatime" && !strings.Contains(flags, option) ||
			option == "strictatime" && strings.Contains(flags, "atime") || !strings.Contains(flags, "nosuid") {
			t.Errorf("%s: %q", option, flags)
		}
	}
	r := run(t, "true", func(p *plan) {
		p.Spec.Mounts = append(p.Spec.Mounts, bindMount(dir, "/vol", "rbind", "noatime"))
	})
	if !strings.Contains(r.Hint, "noatime") {
		t.Errorf("the host's: %q, hint %q", r.Err, r.Hint)
	}
}

func TestBindFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/file", "content\n", 0o644)
	got := output(t, "cat /etc/new /deep/er/file /etc/existing /etc/dangling /made", func(p *plan) {
		write(t, p.Rootfs+"/etc/existing", "image\n", 0o644)
		if err := os.Symlink("../made", p.Rootfs+"/etc/dangling"); err != nil {
			t.Fatal(err)
		}
		for _, target := range []string{"/etc/new", "/deep/er/file", "/etc/existing", "/etc/dangling"} {
			p.Spec.Mounts = append(p.Spec.Mounts, bindMount(dir+"/file", target, "rbind", "ro"))
		}
	})
	if want := strings.TrimSpace(strings.Repeat("content\n", 5)); got != want {
		t.Errorf("got %q", got)
	}
}

func TestMountErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/file", "", 0o644)
	for _, test := range []struct {
		mount specs.Mount
		want  string
	}{
		{bindMount(dir+"/no", "/vol", "rbind"), `mount "` + dir + `/no" on "/vol": no such file or directory`},
		{bindMount(dir, "/etc/passwd", "rbind"), `the source is a directory, the destination a file`},
		{bindMount(dir+"/file", "/etc", "rbind"), `the source is a file, the destination a directory`},
		{bindMount("relative", "/vol", "rbind"), `source "relative" is not an absolute path`},
		{bindMount(dir, "/vol", "rbind", "X"), `unknown option "X"`},
		{bindMount(dir, "/vol", "rbind", "size=3"), `unknown option "size=3"`},
		{bindMount(dir, "/", "rbind"), `the root itself`},
		{bindMount(dir, "/loop/x", "rbind"), `too many levels of symbolic links`},
		{specs.Mount{Destination: "/vol", Type: "ext4", Source: "/dev/vda"}, `type "ext4"`},
		{specs.Mount{Destination: "/vol", Type: "tmpfs", Options: []string{"size=potato"}}, `mount tmpfs on "/vol": invalid argument`},
		{specs.Mount{Destination: "/vol"}, "no type"},
	} {
		r := run(t, "true", func(p *plan) {
			if err := os.Symlink("loop", p.Rootfs+"/loop"); err != nil {
				t.Fatal(err)
			}
			p.Spec.Mounts = append(p.Spec.Mounts, test.mount)
		})
		if !strings.Contains(r.Err, test.want) || r.ErrCode != 125 {
			t.Errorf("%v: %q, code %d; want %q", test.mount, r.Err, r.ErrCode, test.want)
		}
	}
}

func TestTmpfs(t *testing.T) {
	got := output(t, "stat -c %a /scratch; dd if=/dev/zero of=/scratch/x bs=1024 count=100 2>/dev/null; stat -c %s /scratch/x; cat /up/file; stat -c '%a' /up /up/file; readlink /up/link; stat -c %h /up/file; stat -c %a /asked /asked/file", func(p *plan) {
		write(t, p.Rootfs+"/asked/file", "image\n", 0o640)
		write(t, p.Rootfs+"/up/file", "image\n", 0o640)
		write(t, p.Rootfs+"/up/dir/inner", "x", 0o600)
		if err := os.Chmod(p.Rootfs+"/up", 0o751); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("file", p.Rootfs+"/up/link"); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(p.Rootfs+"/up/file", p.Rootfs+"/up/dir/hard"); err != nil {
			t.Fatal(err)
		}
		p.Spec.Mounts = append(p.Spec.Mounts,
			specs.Mount{Destination: "/scratch", Type: "tmpfs", Options: []string{"size=64k", "mode=700"}},
			specs.Mount{Destination: "/up", Type: "tmpfs", Options: []string{"tmpcopyup", "ro"}},
			specs.Mount{Destination: "/asked", Type: "tmpfs", Options: []string{"tmpcopyup", "mode=1777"}})
	})
	if want := "700\n65536\nimage\n751\n640\nfile\n2\n1777\n640"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestVolumeCopyUp(t *testing.T) {
	empty, full := t.TempDir(), t.TempDir()
	write(t, full+"/mine", "", 0o644)
	output(t, "true", func(p *plan) {
		write(t, p.Rootfs+"/data/deep/file", "image", 0o604)
		p.Spec.Mounts = append(p.Spec.Mounts,
			bindMount(empty, "/data", "rbind", "copyup"), bindMount(full, "/data/deep", "rbind", "copyup"))
	})
	st, err := os.Stat(empty + "/deep/file")
	if err != nil || st.Mode().Perm() != 0o604 {
		t.Errorf("copied file: %v, %v", st, err)
	}
	if _, err := os.Stat(full + "/file"); err == nil {
		t.Error("a volume that was not empty was filled")
	}
}

// TestHostNamespaces: --network host and --pid host, where sysfs and proc are the host's.
func TestHostNamespaces(t *testing.T) {
	p := &plan{Spec: testSpec("touch /sys/x 2>&1; ls /sys/class >/dev/null && echo sys; readlink /proc/self/ns/net; readlink /proc/self/ns/pid; cat /proc/1/comm >/dev/null && echo proc"), Rootfs: busyboxRoot(t)}
	p.Spec.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.UTSNamespace}}
	p.DieWithParent = true
	r := launch(t, p, 0)
	want := "touch: /sys/x: Read-only file system\nsys\n"
	for _, ns := range []string{"net", "pid"} {
		link, err := os.Readlink("/proc/self/ns/" + ns)
		if err != nil {
			t.Fatal(err)
		}
		want += link + "\n"
	}
	want += "proc\n"
	if r.Err != "" || r.stdout != want {
		t.Errorf("error %q; got %q, want %q\n%s", r.Err, r.stdout, want, r.stderr)
	}
}

func TestCgroupMount(t *testing.T) {
	got := output(t, "[ -e /sys/fs/cgroup/cgroup.procs ] || ls /sys/fs/cgroup | wc -l; touch /sys/fs/cgroup/x 2>&1; cat /proc/self/cgroup | grep ^0", nil)
	if !strings.Contains(got, "Read-only file system") || !strings.HasSuffix(got, "0::/") {
		t.Errorf("got %q", got)
	}
}

func TestCgroupFD(t *testing.T) {
	if os.Getuid() != 0 {
		skip(t, "only root may make a cgroup here")
	}
	base := "/sys/fs/cgroup"
	if _, err := os.Stat(base + "/unified/cgroup.procs"); err == nil {
		base += "/unified"
	}
	dir := base + "/rc-oci-test"
	if err := os.Mkdir(dir, 0o755); err != nil {
		skip(t, err.Error())
	}
	defer os.Remove(dir)
	p := &plan{Spec: testSpec("cat /proc/self/cgroup | grep ^0"), Rootfs: busyboxRoot(t), Cgroup: dir}
	r := launch(t, p, unix.CLONE_NEWPID)
	if r.Err != "" || strings.TrimSpace(r.stdout) != "0::/" {
		t.Errorf("error %q, hint %q, got %q", r.Err, r.Hint, r.stdout)
	}
}

func TestNamespaceJoin(t *testing.T) {
	needManyIDs(t)
	if _, err := exec.LookPath("unshare"); err != nil {
		skip(t, err.Error())
	}
	got := output(t, "hostname; readlink /proc/self/ns/uts", func(p *plan) {
		p.Spec.Hostname = ""
		p.Setup = "mkdir -p /run/rc-oci-ns; mount -t tmpfs t /run/rc-oci-ns; mount --make-rprivate /run/rc-oci-ns; touch /run/rc-oci-ns/uts; " +
			"unshare --uts=/run/rc-oci-ns/uts hostname joined; readlink /proc/self/ns/uts >&2"
		for i := range p.Spec.Linux.Namespaces {
			if p.Spec.Linux.Namespaces[i].Type == specs.UTSNamespace {
				p.Spec.Linux.Namespaces[i].Path = "/run/rc-oci-ns/uts"
			}
		}
	})
	if !strings.HasPrefix(got, "joined\n") {
		t.Errorf("got %q", got)
	}
}
