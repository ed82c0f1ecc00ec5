package oci

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOwnedBind: with "U" the source becomes the container's user's, also where the
// container cannot write to it, and nothing else does.
func TestOwnedBind(t *testing.T) {
	needManyIDs(t)
	for _, options := range []string{"rbind,U", "bind,U,ro", "rbind,rro,U"} {
		dir, outside := t.TempDir(), t.TempDir()
		write(t, dir+"/a/file", "x", 0o644)
		write(t, outside+"/file", "x", 0o644)
		mkdir(t, dir+"/other")
		for old, name := range map[string]string{outside: "/link", outside + "/file": "/a/link"} {
			if err := os.Symlink(old, dir+name); err != nil {
				t.Fatal(err)
			}
		}
		got := output(t, "cd /vol; stat -c '%n %u:%g' . a a/file a/link link other other/x; touch a/file 2>/dev/null; echo $?", func(p *plan) {
			p.Setup = "mount -t tmpfs tmpfs " + dir + "/other; touch " + dir + "/other/x"
			p.Spec.Process.User.Username = "alice"
			if strings.HasPrefix(options, "bind") {
				p.Setup = "touch " + dir + "/other/x; chown 7:7 " + dir + "/other/x"
			}
			p.Spec.Mounts = append(p.Spec.Mounts, bindMount(dir, "/vol", strings.Split(options, ",")...))
		})
		want := ". 1000:1000\na 1000:1000\na/file 1000:1000\na/link 1000:1000\nlink 1000:1000\n"
		if strings.HasPrefix(options, "rbind") {
			want += "other 0:0\nother/x 0:0\n" // another mount
		} else {
			want += "other 1000:1000\nother/x 1000:1000\n"
		}
		if strings.Contains(options, "ro") {
			want += "1"
		} else {
			want += "0"
		}
		if got != want {
			t.Errorf("%s:\n%s\nwant\n%s", options, got, want)
		}
		var st unix.Stat_t
		if err := unix.Stat(outside+"/file", &st); err != nil || int(st.Uid) != os.Getuid() {
			t.Errorf("%s: what a symlink leads to belongs to %d: %v", options, st.Uid, err)
		}
	}
}

func TestOwnedFile(t *testing.T) {
	needManyIDs(t)
	file := t.TempDir() + "/file"
	write(t, file, "x", 0o600)
	got := output(t, "stat -c %u:%g /vol; cat /vol", func(p *plan) {
		p.Spec.Process.User.Username = "alice:wheel"
		p.Spec.Mounts = append(p.Spec.Mounts, bindMount(file, "/vol", "bind", "U"))
	})
	if got != "1000:10\nx" {
		t.Errorf("got %q", got)
	}
}

// TestTrees: what is mounted after the process was forked comes to it as descriptors.
func TestTrees(t *testing.T) {
	root, volume := t.TempDir(), t.TempDir()
	got := output(t, "cat /in-root /vol/in-volume; grep -c ' / rw' /proc/self/mountinfo", func(p *plan) {
		p.AfterFork = "mount --bind " + p.Rootfs + " " + root + "; touch " + p.Rootfs + "/vol; echo root > " + root + "/in-root; " +
			"mount -t tmpfs tmpfs " + volume + "; echo volume > " + volume + "/in-volume; rm " + root + "/vol"
		p.Rootfs = root
		p.Trees = []string{root, volume}
		p.Spec.Mounts = append(p.Spec.Mounts, bindMount(volume, "/vol", "rbind", "ro"))
	})
	if got != "root\nvolume\n1" {
		t.Errorf("got %q", got)
	}
}
