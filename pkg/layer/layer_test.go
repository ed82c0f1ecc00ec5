package layer

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/test/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

// entry is a tar header and its contents.
type entry struct {
	tar.Header
	body string
}

func file(name, body string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(body))}, body}
}

func dir(name string, mode int64) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: mode}, ""}
}

func symlink(name, target string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}, ""}
}

func hardlink(name, target string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}, ""}
}

// archive writes entries; times default to a fixed one.
func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if e.ModTime.IsZero() {
			e.ModTime = time.Unix(1700000000, 0)
		}
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ids(n uint32) []specs.LinuxIDMapping {
	return []specs.LinuxIDMapping{{ContainerID: 0, HostID: 0, Size: n}}
}

func options() Options { return Options{UIDs: ids(65537), GIDs: ids(65537)} }

func apply(t testing.TB, o Options, entries ...entry) (string, *Result, error) {
	t.Helper()
	target := filepath.Join(t.TempDir(), "diff")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	res, err := Apply(context.Background(), bytes.NewReader(archive(t, entries...)), target, o)
	return target, res, err
}

// describe writes a tree down, one line per file: type, mode, owner, size or target, attributes.
func describe(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		line := fmt.Sprintf("%s %o %d:%d", name, st.Mode, st.Uid, st.Gid)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" n%d %.20q", st.Nlink, data)
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + target
		case unix.S_IFCHR:
			line += fmt.Sprintf(" dev %d", st.Rdev)
		}
		buf := make([]byte, 4096)
		if st.Mode&unix.S_IFMT != unix.S_IFLNK {
			n, _ := unix.Llistxattr(path, buf)
			for _, attr := range strings.FieldsFunc(string(buf[:max(n, 0)]), func(r rune) bool { return r == 0 }) {
				n, _ := unix.Lgetxattr(path, attr, buf)
				line += fmt.Sprintf(" %s=%q", attr, buf[:max(n, 0)])
			}
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestApply(t *testing.T) {
	long := strings.Repeat("d/", 60) + strings.Repeat("n", 255)
	with := func(e entry, set func(*tar.Header)) entry { set(&e.Header); return e }
	for _, c := range []struct {
		name    string
		entries []entry
		want    []string
	}{
		{"modes and owners", []entry{
			dir("./", 0o750), dir("bin", 0o755), with(file("bin/su", "x"), func(h *tar.Header) { h.Mode = 0o4755; h.Uid = 0; h.Gid = 42 }),
			with(dir("tmp/", 0o1777), func(h *tar.Header) { h.Uid = 65534; h.Gid = 65534 }),
		}, []string{". 40750 0:0", "bin 40755 0:0", `bin/su 104755 0:42 n1 "x"`, "tmp 41777 65534:65534"}},
		{"links", []entry{file("a", "1"), hardlink("b", "./a"), symlink("c", "/etc/passwd"), hardlink("d", "/c")}, []string{
			". 40755 0:0", `a 100644 0:0 n2 "1"`, `b 100644 0:0 n2 "1"`, "c 120777 0:0 -> /etc/passwd", "d 120777 0:0 -> /etc/passwd",
		}},
		{"whiteouts", []entry{file("x/.wh.gone", ""), file("y/.wh..wh..opq", ""), file("y/new", "1"), file(".wh..wh.plnk", "")}, []string{
			". 40755 0:0", "x 40755 0:0", "x/gone 20000 0:0 dev 0", `y 40755 0:0 user.overlay.opaque="y"`, `y/new 100644 0:0 n1 "1"`,
		}},
		{"deleted and made anew", []entry{file(".wh.d", ""), dir("d", 0o755), file("d/f", "1"), file(".wh.e", ""), file("e", "2")}, []string{
			". 40755 0:0", `d 40755 0:0 user.overlay.opaque="y"`, `d/f 100644 0:0 n1 "1"`, `e 100644 0:0 n1 "2"`,
		}},
		{"made and then deleted below", []entry{dir("d", 0o755), file("d/f", "1"), file(".wh.d", ""), file("e", "2"), file(".wh.e", "")}, []string{
			". 40755 0:0", `d 40755 0:0 user.overlay.opaque="y"`, `d/f 100644 0:0 n1 "1"`, `e 100644 0:0 n1 "2"`,
		}},
		{"whiteouts within a whiteout", []entry{file(".wh.d", ""), file("d/.wh.f", "")}, []string{". 40755 0:0", "d 20000 0:0 dev 0"}},
		{"later entries replace", []entry{file("f", "1"), file("f", "22"), dir("g", 0o755), file("g/h", "1"), symlink("g", "f"), symlink("l", "nowhere"), dir("l", 0o700)}, []string{
			". 40755 0:0", `f 100644 0:0 n1 "22"`, "g 120777 0:0 -> f", "l 40700 0:0",
		}},
		{"through links of the archive, within the root", []entry{
			dir("usr", 0o755), dir("usr/lib", 0o755), symlink("lib", "/usr/lib"), file("lib/a", "1"), symlink("up", "../../../usr"), file("up/b", "2"),
			symlink("loop/../lib64", "lib"), file("lib64/c", "3"),
		}, []string{
			". 40755 0:0", "lib 120777 0:0 -> /usr/lib", "lib64 120777 0:0 -> lib", "up 120777 0:0 -> ../../../usr", "usr 40755 0:0", `usr/b 100644 0:0 n1 "2"`,
			"usr/lib 40755 0:0", `usr/lib/a 100644 0:0 n1 "1"`, `usr/lib/c 100644 0:0 n1 "3"`,
		}},
		{"absolute names are below the root", []entry{file("/etc/rc-test", "1"), file("a/../b", "2")}, []string{
			". 40755 0:0", `b 100644 0:0 n1 "2"`, "etc 40755 0:0", `etc/rc-test 100644 0:0 n1 "1"`,
		}},
		{"devices are left out", []entry{
			{tar.Header{Name: "dev/sda", Typeflag: tar.TypeBlock, Devmajor: 8}, ""},
			{tar.Header{Name: "dev/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, ""},
			{tar.Header{Name: "dev/p", Typeflag: tar.TypeFifo, Mode: 0o620}, ""},
		}, []string{". 40755 0:0", "dev 40755 0:0", "dev/p 10620 0:0"}},
		{"attributes", []entry{with(file("f", "1"), func(h *tar.Header) {
			h.PAXRecords = map[string]string{
				"SCHILY.xattr.user.mine": "v", "SCHILY.xattr.user.overlay.redirect": "/etc", "SCHILY.xattr.trusted.overlay.opaque": "y",
				"SCHILY.xattr.security.selinux": "x", "SCHILY.xattr.user.containers.override_stat": "0:0:0",
			}
		})}, []string{". 40755 0:0", `f 100644 0:0 n1 "1" user.mine="v"`}},
		{"long names", []entry{file(long, "1")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			target, _, err := apply(t, options(), c.entries...)
			if err != nil {
				t.Fatal(err)
			}
			got := describe(t, target)
			if c.want == nil {
				if len(got) != 62 || !strings.HasPrefix(got[61], long+" ") {
					t.Errorf("%d entries, the last %q", len(got), got[len(got)-1])
				}
				return
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFileCapabilities(t *testing.T) {
	// struct vfs_cap_data, revision 2: cap_net_raw+ep.
	capability := string([]byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	e := file("ping", "x")
	e.Mode, e.Gid = 0o755, 5
	e.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": capability}
	target, _, err := apply(t, options(), e)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, err := unix.Lgetxattr(filepath.Join(target, "ping"), "security.capability", buf)
	if err != nil || n < 20 || string(buf[4:12]) != capability[4:12] {
		t.Errorf("security.capability = %x, %v", buf[:max(n, 0)], err)
	}
}

func TestTimes(t *testing.T) {
	at := time.Unix(1234567890, 0)
	entries := []entry{dir("d", 0o755), file("d/f", "1"), symlink("d/l", "f")}
	for i := range entries {
		entries[i].ModTime = at
	}
	target, _, err := apply(t, options(), entries...)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"d", "d/f", "d/l"} {
		st, err := os.Lstat(filepath.Join(target, name))
		if err != nil {
			t.Fatal(err)
		}
		if !st.ModTime().Equal(at) {
			t.Errorf("%s: %s", name, st.ModTime())
		}
	}
}

func TestDotWh(t *testing.T) {
	o := options()
	o.DotWh = true
	target, res, err := apply(t, o, file("x/.wh.gone", ""), file("y/.wh..wh..opq", ""))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{". 40755 0:0", "x 40755 0:0", `x/.wh.gone 100600 0:0 n1 ""`, "y 40755 0:0", `y/.wh..wh..opq 100600 0:0 n1 ""`}
	if d := cmp.Diff(want, describe(t, target)); d != "" {
		t.Error(d)
	}
	if !res.DotWh {
		t.Error("the result does not say so")
	}
}

func TestRefused(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	for _, c := range []struct {
		name    string
		entries []entry
		want    error
		text    string
	}{
		{"dots", []entry{file("../evil", "x")}, errs.ErrInvalid, `unpack "../evil": the name leads out of the root directory`},
		{"dots in the middle", []entry{file("a/../../evil", "x")}, errs.ErrInvalid, "leads out"},
		{"absolute dots", []entry{file("/../evil", "x")}, errs.ErrInvalid, "leads out"},
		{"link to a link out", []entry{symlink("l", outside), hardlink("h", "l/x")}, errs.ErrInvalid, "does not have before it"},
		{"hard link out", []entry{hardlink("h", "../../etc/passwd")}, errs.ErrInvalid, "leads out"},
		{"hard link to the host", []entry{hardlink("h", "/etc/passwd")}, errs.ErrInvalid, "does not have before it"},
		{"file below a file", []entry{file("f", "x"), file("f/g", "y")}, errs.ErrInvalid, "not a directory"},
		{"below a link to nowhere", []entry{symlink("l", outside), file("l/g", "y")}, errs.ErrInvalid, "leads nowhere"},
		{"link loop", []entry{symlink("a", "b"), symlink("b", "a"), file("a/x", "y")}, errs.ErrInvalid, "not a directory"},
		{"whiteout of nothing", []entry{file("d/.wh.", "")}, errs.ErrInvalid, "whiteout of nothing"},
		{"whiteout of the parent", []entry{file("d/.wh...", "")}, errs.ErrInvalid, "whiteout of nothing"},
		{"owner", []entry{{tar.Header{Name: "f", Typeflag: tar.TypeReg, Uid: 70000}, ""}}, ErrOwner, "belongs to 70000:0, your ranges in /etc/subuid and /etc/subgid reach to 65536:65536"},
		{"owner of the root", []entry{{tar.Header{Name: "./", Typeflag: tar.TypeDir, Gid: 65537}, ""}}, ErrOwner, "0:65537"},
	} {
		t.Run(c.name, func(t *testing.T) {
			target, _, err := apply(t, options(), c.entries...)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want %v with %q", err, c.want, c.text)
			}
			if errors.Is(c.want, ErrOwner) && !strings.Contains(errs.Hint(err), "--add-subuids") {
				t.Errorf("hint %q", errs.Hint(err))
			}
			for _, path := range []string{outside, filepath.Join(target, "../evil"), filepath.Join(target, "../../evil"), "/evil"} {
				if _, err := os.Lstat(path); err == nil {
					t.Errorf("%s was made", path)
				}
			}
		})
	}
}

func TestSquash(t *testing.T) {
	o := Options{UIDs: ids(1), GIDs: ids(1), Squash: true}
	target, _, err := apply(t, o, entry{tar.Header{Name: "f", Typeflag: tar.TypeReg, Uid: 70000, Gid: 42, Mode: 0o640}, ""})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{". 40755 0:0", `f 100640 0:0 n1 ""`}, describe(t, target)); d != "" {
		t.Error(d)
	}
}

func TestTruncated(t *testing.T) {
	data := archive(t, file("a", strings.Repeat("x", 5000)), file("b", "y"))
	for _, n := range []int{100, 600, 3000, 5800} {
		_, err := Apply(context.Background(), bytes.NewReader(data[:n]), t.TempDir(), options())
		if !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	_, err := Apply(context.Background(), strings.NewReader(strings.Repeat("<html>", 200)), t.TempDir(), options())
	if !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), "not a tar archive") {
		t.Errorf("html: %v", err)
	}
}

// TestFullDisk unpacks a bomb onto a small file system.
func TestFullDisk(t *testing.T) {
	small := t.TempDir()
	testns.Need(t, unix.Mount("tmpfs", small, "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { _ = unix.Unmount(small, unix.MNT_DETACH) })
	target := filepath.Join(small, "diff")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Apply(context.Background(), bytes.NewReader(archive(t, file("bomb", strings.Repeat("\x00", 4<<20)))), target, options())
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(errs.Hint(err), "--root") {
		t.Errorf("error %v, hint %q", err, errs.Hint(err))
	}
	if err := os.RemoveAll(target); err != nil {
		t.Fatal(err)
	}
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Apply(ctx, bytes.NewReader(archive(t, file("a", "x"))), t.TempDir(), options()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// FuzzApply feeds names and link targets, and looks that nothing is made outside.
func FuzzApply(f *testing.F) {
	for _, s := range [][3]string{{"a", "../x", "a/b"}, {"/l", "/..", "l/../../x"}, {".wh.a", "", "a/.wh..wh..opq"}, {"a", "a", "a/a"}} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, link, target, name string) {
		if strings.ContainsRune(link+target+name, 0) || len(link+target+name) > 600 {
			t.Skip()
		}
		base := t.TempDir()
		diff := filepath.Join(base, "a", "b", "diff")
		if err := os.MkdirAll(diff, 0o755); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, e := range []entry{symlink(link, target), file(name, "x"), hardlink(name+"2", target), dir(link+"/d", 0o755)} {
			if w.WriteHeader(&e.Header) == nil {
				_, _ = io.WriteString(w, e.body)
			}
		}
		_ = w.Close()
		_, _ = Apply(context.Background(), &b, diff, options())
		for _, d := range []struct {
			dir  string
			want int
		}{{base, 1}, {filepath.Join(base, "a"), 1}, {filepath.Join(base, "a", "b"), 1}} {
			entries, err := os.ReadDir(d.dir)
			if err != nil || len(entries) != d.want {
				t.Fatalf("%s: %d entries, %v", d.dir, len(entries), err)
			}
		}
	})
}
