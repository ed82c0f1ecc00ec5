package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/test/testns"
)

// The tests change owners.
func TestMain(m *testing.M) { testns.Main(m) }

func open(t testing.TB, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func pack(t testing.TB, path, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Pack(t.Context(), &b, open(t, path), PackOptions{Name: name}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sh makes the files of a test.
func sh(t testing.TB, dir string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		f := strings.Fields(line)
		path := func(i int) string { return filepath.Join(dir, f[i]) }
		var err error
		switch f[0] {
		case "dir":
			err = os.MkdirAll(path(1), 0o755)
		case "file":
			err = os.WriteFile(path(1), []byte(f[2]), 0o644)
		case "link":
			err = os.Symlink(f[2], path(1))
		case "hard":
			err = os.Link(path(2), path(1))
		case "fifo":
			err = unix.Mkfifo(path(1), 0o640)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
}

// list describes a tree: a line an entry.
func list(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%06o %d:%d %s", st.Mode, st.Uid, st.Gid, rel)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK:
			target, _ := os.Readlink(path)
			b.WriteString(" -> " + target)
		case unix.S_IFREG:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %d %.20q", st.Nlink, data)
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// keep keeps owners.
func keep(uid, gid int) (int, int) { return uid, gid }

func TestRoundTrip(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	sh(t, src, "dir top/sub", "file top/sub/a content", "hard top/b top/sub/a", "link top/l ../nowhere", "fifo top/pipe", "dir top/locked", "file top/locked/x y")
	old := time.Unix(1500000000, 123456789)
	at := func(name string) string { return filepath.Join(src, "top", name) }
	err := errors.Join(os.Chown(at("sub/a"), 1, 2), os.Chmod(at("sub/a"), 0o4755), os.Lchown(at("l"), 3, 4),
		os.Chtimes(at("sub/a"), old, old), os.Chmod(at("locked"), 0o500), os.Chtimes(at("sub"), old, old))
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Setxattr(at("sub/a"), "user.colour", []byte("red\x00"), 0)
	_ = unix.Setxattr(at("sub"), "user.overlay.opaque", []byte("y"), 0)
	for _, confined := range []bool{false, true} {
		to := filepath.Join(dst, fmt.Sprint(confined))
		err := Unpack(t.Context(), bytes.NewReader(pack(t, at(""), "top")), Dest{open(t, "/"), to}, UnpackOptions{Owner: keep, Confined: confined})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(list(t, at("")), list(t, to)); diff != "" {
			t.Error(diff)
		}
		for _, name := range []string{"sub/a", "sub"} {
			if info, err := os.Stat(filepath.Join(to, name)); err != nil || !info.ModTime().Equal(old) {
				t.Errorf("%s: %v, %v", name, info.ModTime(), err)
			}
		}
		if n, err := unix.Getxattr(filepath.Join(to, "sub"), "user.overlay.opaque", nil); err == nil {
			t.Errorf("what steers overlayfs was copied: %d bytes", n)
		}
		if _, err := unix.Getxattr(at("sub/a"), "user.colour", nil); err == nil {
			value := make([]byte, 10)
			n, err := unix.Getxattr(filepath.Join(to, "sub/a"), "user.colour", value)
			if err != nil || string(value[:n]) != "red\x00" {
				t.Errorf("user.colour is %q, %v", value[:max(n, 0)], err)
			}
		}
	}
	// The caller's own: no setuid, no owner.
	to := filepath.Join(dst, "own")
	if err := Unpack(t.Context(), bytes.NewReader(pack(t, at(""), "top")), Dest{open(t, "/"), to}, UnpackOptions{Confined: true}); err != nil {
		t.Fatal(err)
	}
	if got := list(t, to); !strings.Contains(got, "100755 0:0 b") || !strings.Contains(got, "120777 0:0 l") {
		t.Errorf("own:\n%s", got)
	}
}

func TestSpecialSizes(t *testing.T) {
	dst := t.TempDir()
	root := open(t, "/")
	// One that says it is empty, and is not.
	if err := Unpack(t.Context(), bytes.NewReader(pack(t, "/proc/self/status", "s")), Dest{root, dst}, UnpackOptions{}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(dst + "/s"); err != nil || !strings.Contains(string(data), "Pid:") {
		t.Errorf("%q, %v", data, err)
	}
	// Larger than what is read at first, with a hole at the end.
	src := filepath.Join(t.TempDir(), "big")
	content := bytes.Repeat([]byte("0123456789"), 300_000)
	if err := errors.Join(os.WriteFile(src, content, 0o600), os.Truncate(src, 10<<20)); err != nil {
		t.Fatal(err)
	}
	if err := Unpack(t.Context(), bytes.NewReader(pack(t, src, "big")), Dest{root, dst}, UnpackOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(dst + "/big")
	if err != nil || len(got) != 10<<20 || !bytes.Equal(got[:len(content)], content) || bytes.Trim(got[len(content):], "\x00") != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	var st unix.Stat_t
	if err := unix.Stat(dst+"/big", &st); err != nil || st.Blocks*512 > 5<<20 {
		t.Errorf("%d blocks, %v", st.Blocks, err)
	}
}

func TestLeftOut(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	sh(t, src, "dir d", "file d/kept x")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	t.Chdir(src)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: "d/socket"}); err != nil {
		t.Fatal(err)
	}
	var warned []string
	warn := func(err error) { warned = append(warned, err.Error()) }
	var b bytes.Buffer
	if err := Pack(t.Context(), &b, open(t, src+"/d"), PackOptions{Name: "d", Warn: warn}); err != nil {
		t.Fatal(err)
	}
	if err := Unpack(t.Context(), &b, Dest{open(t, dst), "/"}, UnpackOptions{Owner: keep}); err != nil {
		t.Fatal(err)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "d/socket") {
		t.Errorf("%q", warned)
	}
	// A device is packed, for tar programs, and told of when it is to be made.
	warned = nil
	if err := Unpack(t.Context(), bytes.NewReader(pack(t, "/dev/null", "null")), Dest{open(t, dst), "/"}, UnpackOptions{Owner: keep, Warn: warn}); err != nil {
		t.Fatal(err)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "null") {
		t.Errorf("%q", warned)
	}
	if got := list(t, dst); !strings.HasSuffix(got, "d/kept 1 \"x\"\n") || strings.Contains(got, "null") {
		t.Error(got)
	}
	// What the kernel makes up is not copied along with what it is mounted in.
	var all bytes.Buffer
	if err := Pack(t.Context(), &all, open(t, "/proc"), PackOptions{Name: "p"}); err == nil && all.Len() == 0 {
		t.Error("what is named is copied")
	}
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Pack(ctx, io.Discard, open(t, t.TempDir()), PackOptions{Name: "d"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := Unpack(ctx, bytes.NewReader(pack(t, t.TempDir(), "d")), Dest{open(t, t.TempDir()), "/"}, UnpackOptions{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestDamaged: a stream that ends early leaves the old file, and no other.
func TestDamaged(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	sh(t, src, "dir d", "file d/f "+strings.Repeat("n", 5000))
	sh(t, dst, "dir d", "file d/f old")
	data := pack(t, src+"/d", "d")
	at := bytes.Index(data, []byte("nnnn"))
	err := Unpack(t.Context(), bytes.NewReader(data[:at+2000]), Dest{open(t, dst), "/"}, UnpackOptions{})
	if !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), "cut off") {
		t.Error(err)
	}
	if got := list(t, dst+"/d"); !strings.Contains(got, `"old"`) || strings.Count(got, "\n") != 1 {
		t.Error(got)
	}
	for _, text := range []string{"<html>", strings.Repeat("x", 5000)} {
		err := Unpack(t.Context(), strings.NewReader(text), Dest{open(t, dst), "/"}, UnpackOptions{Foreign: true})
		if err == nil || !strings.Contains(err.Error(), "not a tar archive") {
			t.Error(err)
		}
	}
}

// stream makes an archive of somebody else's.
func stream(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		h.Mode = 0o755
		if h.Typeflag == tar.TypeReg {
			h.Size = 1
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			_, _ = w.Write([]byte("x"))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
