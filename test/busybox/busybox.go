// Package busybox makes a root filesystem archive of the distribution's busybox-static: an image
// that demo and end-to-end tests can have without a network.
package busybox

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Path is where Debian's busybox-static puts the program; other distributions do the same.
const Path = "/bin/busybox"

// Users of the image, besides root: alice (1000) is in the group wheel (10) too.
const (
	passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
alice:x:1000:1000:Alice:/home/alice:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
`
	group = `root:x:0:
daemon:x:1:
wheel:x:10:alice
users:x:100:alice
alice:x:1000:
nogroup:x:65534:
`
	osRelease = `ID=busybox
PRETTY_NAME="BusyBox of the distribution"
`
)

// made is the time of every file: the same archive each time for the same program.
var made = time.Unix(1700000000, 0)

// Write writes the archive, uncompressed, made of the busybox program at path.
func Write(w io.Writer, path string) error {
	program, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("busybox (package busybox-static): %w", err)
	}
	applets, err := exec.Command(path, "--list-full").Output()
	if err != nil {
		return fmt.Errorf("list applets of %q: %w", path, err)
	}
	t := tar.NewWriter(w)
	for _, h := range headers(strings.Fields(string(applets))) {
		if err := add(t, h, nil); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name string
		mode int64
		data []byte
	}{
		{"bin/busybox", 0o755, program},
		{"etc/passwd", 0o644, []byte(passwd)},
		{"etc/group", 0o644, []byte(group)},
		{"etc/os-release", 0o644, []byte(osRelease)},
	} {
		if err := add(t, tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data))}, f.data); err != nil {
			return err
		}
	}
	return t.Close()
}

// headers are the directories and the applets' links, which are all relative to the root.
func headers(applets []string) []tar.Header {
	var list []tar.Header
	for _, dir := range []string{
		"bin", "dev", "etc", "home", "proc", "root", "run", "sbin", "sys", "usr", "usr/bin", "usr/sbin",
		"var", "var/log",
	} {
		list = append(list, tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755})
	}
	list = append(list,
		tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
		tar.Header{Typeflag: tar.TypeDir, Name: "home/alice/", Mode: 0o750, Uid: 1000, Gid: 1000},
	)
	for _, applet := range applets {
		if applet == "bin/busybox" || !strings.Contains(applet, "/") {
			continue
		}
		list = append(list, tar.Header{Typeflag: tar.TypeSymlink, Name: applet, Linkname: "/bin/busybox", Mode: 0o777})
	}
	return list
}

func add(t *tar.Writer, h tar.Header, data []byte) error {
	h.ModTime = made
	if err := t.WriteHeader(&h); err != nil {
		return fmt.Errorf("archive %q: %w", h.Name, err)
	}
	_, err := io.Copy(t, bytes.NewReader(data))
	return err
}
