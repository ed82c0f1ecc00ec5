package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/test/testns"
)

func TestChmod(t *testing.T) {
	const file, dir = unix.S_IFREG, unix.S_IFDIR
	for _, test := range []struct {
		value      string
		mode, want uint32
	}{
		{"644", file | 0o4755, file | 0o644},
		{"4755", file | 0o644, file | 0o4755},
		{"0", dir | 0o755, dir},
		{"u=rwX,go=rX", file | 0o600, file | 0o644},
		{"u=rwX,go=rX", file | 0o700, file | 0o755},
		{"u=rwX,go=rX", dir | 0o700, dir | 0o755},
		{"+x", file | 0o644, file | 0o755},
		{"a-w", file | 0o666, file | 0o444},
		{"go=u-w", file | 0o740, file | 0o755},
		{"u+s", file | 0o755, file | 0o4755},
		{"g+s,o+t", dir | 0o755, dir | 0o2755},
		{"+t", dir | 0o777, dir | 0o1777},
		{"u=", file | 0o4755, file | 0o055},
		{"o+rw-x", file | 0o751, file | 0o756},
		{"ug=rw", file | 0o1777, file | 0o1667},
	} {
		c, err := parseChmod(test.value)
		if err != nil {
			t.Errorf("%q: %v", test.value, err)
			continue
		}
		if got := c.apply(test.mode); got != test.want {
			t.Errorf("%q of %o: %o, want %o", test.value, test.mode, got, test.want)
		}
	}
	for _, value := range []string{"", "8", "10000", "x", "u", "u+q", "u=rwx,", "z=r", "u=gr", "+-,"} {
		if c, err := parseChmod(value); err == nil {
			t.Errorf("%q: %+v", value, c)
		}
	}
}

func TestOwner(t *testing.T) {
	lower := []string{testns.Tree(t, t.TempDir(), "etc/")}
	for name, text := range map[string]string{
		"passwd": "root:x:0:0::/:/bin/sh\ndaemon:x:1:2:::\nbad:x:y:z:::\n", "group": "root:x:0:\nstaff:x:50:\nbad:x:\n",
	} {
		if err := os.WriteFile(filepath.Join(lower[0], "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for value, want := range map[string]Owner{
		"root": {0, 0}, "daemon": {1, 2}, "daemon:": {1, 2}, "daemon:staff": {1, 50}, "7": {7, 7}, "7:8": {7, 8}, "7:": {7, 7}, "7:staff": {7, 50}, ":staff": {},
	} {
		got, err := LookUpOwner(lower, value)
		if value == ":staff" {
			if err == nil {
				t.Errorf("%q: %v", value, got)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", value, got, err, want)
		}
	}
	for _, value := range []string{"nobody", "1:none", "bad", "1:bad", "-1", "4294967296"} {
		if got, err := LookUpOwner(lower, value); err == nil {
			t.Errorf("%q: %v", value, got)
		}
	}
	if got, err := LookUpOwner(nil, "daemon"); err == nil {
		t.Errorf("FROM scratch: %v", got)
	}
}

// TestAttributes: what files and directories get where nothing is said, and with --chown and --chmod.
func TestAttributes(t *testing.T) {
	st := openStore(t)
	context := testns.Tree(t, t.TempDir(), "d/s/a= d/l>a f=")
	at := time.Unix(3000, 500)
	for name, mode := range map[string]uint32{"d/s/a": 0o4640, "d/s": 0o2710, "d": 0o700, "f": 0o600} {
		path := filepath.Join(context, name)
		if err := errors.Join(unix.Chmod(path, mode), os.Chtimes(path, at, at), unix.Chown(path, 5, 6), unix.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Lutimes(filepath.Join(context, "d/l"), []unix.Timeval{{Sec: 3000}, {Sec: 3000}}); err != nil {
		t.Fatal(err)
	}
	lower := []string{testns.Tree(t, t.TempDir(), "x/s/")}
	for name, mode := range map[string]uint32{"x": 0o1777, "x/s": 0o700} {
		path := filepath.Join(lower[0], name)
		if err := errors.Join(unix.Chown(path, 8, 9), unix.Chmod(path, mode), os.Chtimes(path, time.Unix(2000, 0), time.Unix(2000, 0))); err != nil {
			t.Fatal(err)
		}
	}
	src, err := OpenContext(context, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	layers, err := OpenLayers("stage", []string{context}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer layers.Close()
	for name, test := range map[string]struct {
		src  *Source
		copy dockerfile.Copy
		want string
	}{
		// Everything of a context is root's. A directory that is made for its contents has the mode of any other.
		"context": {
			src,
			dockerfile.Copy{Sources: []string{"d"}, Dest: "/y/z"},
			"y 755 0:0 1000\ny/z 755 0:0 3000\ny/z/l 777 0:0 3000\ny/z/s 2710 0:0 3000\ny/z/s/a 4640 0:0 3000\n",
		},
		// One that is there keeps its own, but for the time; those in it get the source's.
		"there": {
			src,
			dockerfile.Copy{Sources: []string{"d"}, Dest: "/x"},
			"x 1777 8:9 3000\nx/l 777 0:0 3000\nx/s 2710 0:0 3000\nx/s/a 4640 0:0 3000\n",
		},
		// One on the way keeps its own.
		"on the way": {src, dockerfile.Copy{Sources: []string{"f"}, Dest: "/x/"}, "x 1777 8:9 2000\nx/f 600 0:0 3000\n"},
		// Of a stage owners come along.
		"stage": {
			layers,
			dockerfile.Copy{Sources: []string{"d/s"}, Dest: "/y/"},
			"y 755 0:0 3000\ny/a 4640 5:6 3000\n",
		},
		"chown": {
			layers,
			dockerfile.Copy{Sources: []string{"d"}, Dest: "/y/", Chown: "3:4"},
			"y 755 3:4 3000\ny/l 777 3:4 3000\ny/s 2710 3:4 3000\ny/s/a 4640 3:4 3000\n",
		},
		"chmod": {
			src,
			dockerfile.Copy{Sources: []string{"d"}, Dest: "/y/", Chmod: "1775"},
			"y 775 0:0 3000\ny/l 777 0:0 3000\ny/s 1775 0:0 3000\ny/s/a 1775 0:0 3000\n",
		},
		"symbolic": {
			src,
			dockerfile.Copy{Sources: []string{"d"}, Dest: "/y/", Chmod: "go=u-w"},
			"y 755 0:0 3000\ny/l 777 0:0 3000\ny/s 755 0:0 3000\ny/s/a 4644 0:0 3000\n",
		},
		"parents": {
			src,
			dockerfile.Copy{Sources: []string{"d/s/a"}, Dest: "/y/", Parents: true},
			"y 755 0:0 3000\ny/d 700 0:0 3000\ny/d/s 2710 0:0 3000\ny/d/s/a 4640 0:0 3000\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := test.want
			if name == "parents" {
				want = "y 755 0:0 " + timeOf(t, context) + want[len("y 755 0:0 3000"):]
			}
			if diff := cmp.Diff(want, attributes(t, st, test.src, lower, &test.copy)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func timeOf(t *testing.T, path string) string {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return strconv.FormatInt(st.Mtim.Sec, 10)
}

// TestExtended: extended attributes come along, but for those of overlays.
func TestExtended(t *testing.T) {
	st := openStore(t)
	dir := testns.Tree(t, t.TempDir(), "d/a=")
	for _, name := range []string{"d", "d/a"} {
		for _, key := range []string{"user.x", "user.overlay.opaque"} {
			if err := unix.Setxattr(filepath.Join(dir, name), key, []byte("y"), 0); err != nil {
				testns.Need(t, err)
			}
		}
	}
	src, err := OpenContext(dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	p, err := Prepare(t.Context(), src, &dockerfile.Copy{Sources: []string{"."}, Dest: "/"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	staged, err := p.Apply(t.Context(), st, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Discard()
	for _, name := range []string{"d", "d/a"} {
		var value [8]byte
		if n, err := unix.Getxattr(filepath.Join(staged.Dir(), name), "user.x", value[:]); err != nil || n != 1 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		if _, err := unix.Getxattr(filepath.Join(staged.Dir(), name), "user.overlay.opaque", value[:]); err == nil {
			t.Errorf("%s is opaque", name)
		}
	}
}

// TestLatest: with a timestamp the same files make the same layer, whenever they were written.
func TestLatest(t *testing.T) {
	st := openStore(t)
	layer := func(now int64) string {
		src, err := OpenContext(testns.Tree(t, t.TempDir(), "d/a= l>a"), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		latest := time.Unix(500, 0)
		c := &dockerfile.Copy{Sources: []string{"."}, Dest: "/x/y/", Inline: []dockerfile.Inline{{Name: "h", Data: "text"}}}
		p, err := Prepare(context.Background(), src, c, Options{Now: time.Unix(now, 0), Latest: &latest})
		if err != nil {
			t.Fatal(err)
		}
		staged, err := p.Apply(context.Background(), st, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer staged.Discard()
		return staged.DiffID.String()
	}
	first := layer(10000)
	if second := layer(20000); first != second {
		t.Errorf("layers %s and %s", first, second)
	}
}

// TestChanged: a file that is another one than was chosen is an error, before and while it is copied.
func TestChanged(t *testing.T) {
	st := openStore(t)
	dir := testns.Tree(t, t.TempDir(), "a=")
	for name, change := range map[string]func() error{
		"content": func() error { return os.WriteFile(dir+"/a", []byte("other"), 0o644) },
		"gone":    func() error { return os.Remove(dir + "/a") },
		"link":    func() error { return os.Symlink("/etc/passwd", dir+"/a") },
	} {
		src, err := OpenContext(dir, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		os.Remove(dir + "/a")
		if err := os.WriteFile(dir+"/a", nil, 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := Prepare(t.Context(), src, &dockerfile.Copy{Sources: []string{"a"}, Dest: "/"}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if name == "link" {
			if err := os.Remove(dir + "/a"); err != nil {
				t.Fatal(err)
			}
		}
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Key(t.Context()); !errors.Is(err, ErrChanged) {
			t.Errorf("%s: key: %v", name, err)
		}
		if _, err := p.Apply(t.Context(), st, nil); !errors.Is(err, ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWorkdir(t *testing.T) {
	st := openStore(t)
	lower := []string{testns.Tree(t, t.TempDir(), "run/ var/run>../run f=")}
	for path, want := range map[string]string{
		"/var/run/a/b": "run 755 0:0 T\nrun/a 755 3:4 1000\nrun/a/b 755 3:4 1000\n",
		"/run":         "",
		"/":            "",
	} {
		staged, err := Workdir(t.Context(), st, lower, path, "3:4", Options{Now: time.Unix(1000, 0)})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got := ""
		if staged != nil {
			got = attributesOf(t, staged.Dir())
			staged.Discard()
		}
		if want != "" {
			want = "run 755 0:0 " + timeOf(t, lower[0]+"/run") + want[len("run 755 0:0 T"):]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	if _, err := Workdir(t.Context(), st, lower, "/f/x", "", Options{}); err == nil {
		t.Error("below a file: no error")
	}
}
