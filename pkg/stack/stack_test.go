package stack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/test/testns"
)

// The tests make whiteouts.
func TestMain(m *testing.M) { testns.Main(m) }

// names are those of an archive's entries, in their order; a hard link has its target behind a plus.
func names(t *testing.T, data []byte) string {
	t.Helper()
	var all []string
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return strings.Join(all, " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		name := h.Name
		switch h.Typeflag {
		case tar.TypeLink:
			name += "+" + h.Linkname
		case tar.TypeSymlink:
			name += ">" + h.Linkname
		}
		for key := range h.PAXRecords {
			if strings.Contains(key, "overlay") {
				t.Errorf("%s has %s", name, key)
			}
		}
		all = append(all, name)
	}
}

func open(t *testing.T, layers ...string) Dir {
	t.Helper()
	d, err := Open(layers...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func layers(t *testing.T, words []string) Dir {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for i, w := range words {
		paths = append(paths, testns.Tree(t, filepath.Join(dir, string(rune('0'+i))), w))
	}
	return open(t, paths...)
}

func TestPackLayer(t *testing.T) {
	for name, test := range map[string]struct {
		upper  string
		lower  []string // topmost first
		mounts string
		want   string
	}{
		"nothing":               {"", []string{"a= d/b="}, "", ""},
		"added and changed":     {"new= d/new= d/b= n/x= l>new h+new", []string{"a= d/b="}, "", "d/ d/b d/new h l>new n/ n/x new+h"},
		"deleted":               {"!a d/ !d/b !nothing", []string{"d/c=", "a= d/b="}, "", ".wh.a d/ d/.wh.b"},
		"hidden already":        {"!a", []string{"!a", "a="}, "", ""},
		"made anew":             {"d% d/new=", []string{"d/kept="}, "", "d/ d/.wh..wh..opq d/new"},
		"opaque and new":        {"n% n/m% n/m/x=", []string{"a="}, "", "n/ n/m/ n/m/x"},
		"opaque over a file":    {"a% a/x=", []string{"a="}, "", "a/ a/x"},
		"file to directory":     {"a/x=", []string{"a="}, "", "a/ a/x"},
		"directory to file":     {"d=", []string{"d/x="}, "", "d"},
		"dot whiteouts":         {".wh.a= d/.wh.b= d/.wh.no= e/.wh..wh..opq= e/n= n/.wh..wh..opq= n/x=", []string{"a= d/b= e/o="}, "", ".wh.a d/ d/.wh.b e/ e/.wh..wh..opq e/n n/ n/x"},
		"mount points":          {"data/ mnt/x/ deep/down/ d/b= etc/one=", []string{"mnt/ d/b="}, "/data /mnt/x /deep/down /proc /etc/two", "d/ d/b etc/ etc/one"},
		"fuse-overlayfs's own":  {"data% data/.wh..wh..opq= !data/.wh..opq srv/www/ !srv/.wh..opq", []string{"a="}, "/data /srv/www", ""},
		"opaque mount points":   {"data% srv% srv/www%", []string{"a="}, "/data /srv/www", ""},
		"written mount point":   {"data/x= mnt/x/ mnt/y=", []string{"a="}, "/data /mnt/x", "data/ data/x mnt/ mnt/y"},
		"emptied mount point":   {"data% mnt/x/", []string{"data/x= mnt/"}, "/data /mnt/x", "data/ data/.wh..wh..opq"},
		"no layers":             {"a= d/b=", nil, "", "a d/ d/b"},
		"links are not entered": {"l>d", []string{"l/x= d/y="}, "", "l>d"},
	} {
		t.Run(name, func(t *testing.T) {
			upper := open(t, testns.Tree(t, t.TempDir(), test.upper))
			if strings.Contains(test.mounts, "/etc/two") {
				mustWrite(t, upper[0], "etc/two")
			}
			var out bytes.Buffer
			err := PackLayer(context.Background(), &out, upper[0], layers(t, test.lower), Options{MountPoints: strings.Fields(test.mounts)})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, names(t, out.Bytes())); d != "" {
				t.Error(d)
			}
		})
	}
}

// mustWrite makes an empty file, as for something to be mounted on.
func mustWrite(t *testing.T, dir int, name string) {
	t.Helper()
	fd, err := unix.Openat(dir, name, unix.O_CREAT|unix.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
}

func TestPack(t *testing.T) {
	for name, test := range map[string]struct {
		layers []string
		mounts string
		want   string
	}{
		"one":           {[]string{"a= d/b="}, "", "a d/ d/b"},
		"mount points":  {[]string{"data/ mnt/x/ mnt/y/ d/z/ srv/", "mnt/y/ d/b= data/", "srv/"}, "/data /mnt/x /d/z /srv", "d/ d/b data/ mnt/ mnt/y/ srv/"},
		"written":       {[]string{"data/x= mnt/x/ new/", "a="}, "/data /mnt/x", "a data/ data/x new/"},
		"three":         {[]string{"a= d/x=", "!b d/ !d/c", "a= b= c= d/b= d/c="}, "", "a c d/ d/b d/x"},
		"opaque":        {[]string{"e/y=", "d% d/x= e/.wh..wh..opq= e/z=", "d/b= e/b="}, "", "d/ d/x e/ e/y e/z"},
		"dot whiteouts": {[]string{".wh.a= d/.wh.b=", "a= d/b= d/c="}, "", "d/ d/c"},
		"file over dir": {[]string{"d=", "d/b="}, "", "d"},
		"dir over file": {[]string{"d/b=", "d=", "d/c="}, "", "d/ d/b"},
		"hard links":    {[]string{"y= z+y", "y= x+y"}, "", "x y z+y"},
		"none":          {nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Pack(context.Background(), &out, layers(t, test.layers), Options{MountPoints: strings.Fields(test.mounts)}); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, names(t, out.Bytes())); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestHeaders: owners, modes, times, attributes and capabilities are the layer's, in the form that images have.
func TestHeaders(t *testing.T) {
	dir := testns.Tree(t, t.TempDir(), "su= sock")
	name := filepath.Join(dir, "su")
	// struct vfs_ns_cap_data: revision 3, cap_net_raw+ep, root 0 of this namespace.
	capability := string([]byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	at := time.Unix(1234567890, 500)
	for _, err := range []error{
		os.Remove(filepath.Join(dir, "sock")), unix.Mknod(filepath.Join(dir, "sock"), unix.S_IFSOCK|0o600, 0),
		os.Chown(name, 12, 34), os.Chmod(name, 0o755|os.ModeSetuid),
		unix.Setxattr(name, "security.capability", []byte(capability), 0), unix.Setxattr(name, "user.mine", []byte("v"), 0),
		unix.Setxattr(name, "user.overlay.origin", []byte("x"), 0), unix.Setxattr(name, "user.fuseoverlayfs.origin", []byte("x"), 0),
		os.Chtimes(name, at, at),
	} {
		testns.Need(t, err)
	}
	var out bytes.Buffer
	var warned []error
	upper := open(t, dir)
	if err := PackLayer(context.Background(), &out, upper[0], nil, Options{Warn: func(err error) { warned = append(warned, err) }}); err != nil {
		t.Fatal(err)
	}
	h, err := tar.NewReader(&out).Next()
	if err != nil {
		t.Fatal(err)
	}
	if h.Uid != 12 || h.Gid != 34 || h.Mode != 0o4755 || !h.ModTime.Equal(at.Truncate(time.Second)) {
		t.Errorf("%+v", h)
	}
	want := map[string]string{"SCHILY.xattr.security.capability": capability, "SCHILY.xattr.user.mine": "v"}
	if d := cmp.Diff(want, h.PAXRecords); d != "" {
		t.Error(d)
	}
	if len(warned) != 1 || !strings.Contains(warned[0].Error(), "socket") {
		t.Errorf("warnings: %v", warned)
	}
}

// TestRootChanged: chmod / in a container is a change, too.
func TestRootChanged(t *testing.T) {
	upper, lower := open(t, testns.Tree(t, t.TempDir(), "a=")), open(t, testns.Tree(t, t.TempDir(), "b="))
	if err := unix.Fchmodat(upper[0], ".", 0o700, 0); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := PackLayer(context.Background(), &out, upper[0], lower, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := names(t, out.Bytes()); got != "./ a" {
		t.Error(got)
	}
}
