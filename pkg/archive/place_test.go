package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDestination holds the rules of podman-cp(1).
func TestDestination(t *testing.T) {
	src := t.TempDir()
	sh(t, src, "file f x", "dir d", "file d/in x")
	for _, test := range []struct {
		src, name, dst string
		want           string // the path that is there then, or the error
		overwrite      bool
	}{
		{"f", "f", "/", "f", false},
		{"f", "f", "", "f", false},
		{"f", "f", ".", "f", false},
		{"f", "f", "dir", "dir/f", false},
		{"f", "f", "/dir/", "dir/f", false},
		{"f", "f", "dir/.", "dir/f", false},
		{"f", "f", "dir/new", "dir/new", false},
		{"f", "f", "file", "file", false},
		{"f", "f", "todir", "dir/f", false},
		{"f", "f", "tofile", "file", false},
		{"f", "f", "absolute", "dir/f", false},
		{"f", "f", "dangling", "dir/later", false},
		{"f", "f", "../../dir", "dir/f", false},
		{"f", "f", "dir/new/", "not found", false},
		{"f", "f", "no/new", "not found", false},
		{"f", "f", "file/", "not a directory", false},
		{"f", "f", "loop", "too many levels", false},
		{"f", "f", "pipe", "neither a file nor a directory", false},
		{"f", "f", "has", "has/f: there is a directory", false},
		{"f", "f", "has", "has/f", true},
		{"d", "d", "dir", "dir/d/in", false},
		{"d", ".", "dir", "dir/in", false},
		{"d", "d", "new", "new/in", false},
		{"d", "d", "new/", "new/in", false},
		{"d", ".", "new", "new/in", false},
		{"d", "d", "todir", "dir/d/in", false},
		{"d", "d", "dangling", "dir/later/in", false},
		{"d", "d", "no/new", "not found", false},
		{"d", "d", "file", "is a file", false},
		{"d", "d", "file", "file/in", true},
		{"d", "d", "hasfile", "there is a file", false},
		{"d", "d", "hasfile", "hasfile/d/in", true},
	} {
		for _, confined := range []bool{false, true} {
			root := t.TempDir()
			sh(t, root, "dir dir", "file file old", "link todir dir", "link tofile file", "link absolute /dir", "link dangling dir/later",
				"link loop loop", "fifo pipe", "dir has/f", "dir hasfile", "file hasfile/d old")
			before := list(t, root)
			err := Unpack(t.Context(), bytes.NewReader(pack(t, filepath.Join(src, test.src), test.name)), Dest{open(t, root), test.dst},
				UnpackOptions{Owner: keep, Confined: confined, Overwrite: test.overwrite})
			what := fmt.Sprintf("%s as %q to %q, overwrite %v, confined %v", test.src, test.name, test.dst, test.overwrite, confined)
			if err != nil {
				if text := strings.ReplaceAll(err.Error(), `make "f"`, "has/f"); !strings.Contains(text, test.want) {
					t.Errorf("%s: %v", what, err)
				}
				if got := list(t, root); got != before {
					t.Errorf("%s: refused, and changed:\n%s", what, got)
				}
				continue
			}
			if data, err := os.ReadFile(filepath.Join(root, test.want)); err != nil || string(data) != "x" {
				t.Errorf("%s: %q, %v", what, data, err)
			}
		}
	}
}

// TestNothingLeaves feeds archives that try to.
func TestNothingLeaves(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink}
	}
	hard := func(name, to string) tar.Header { return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeLink} }
	outside := t.TempDir()
	sh(t, outside, "file secret s")
	for i, entries := range [][]tar.Header{
		{file("../out")},
		{file("a/../../out")},
		{link("l", outside), file("l/out")},
		{link("l", "../../../../../../../.."), file("l" + outside + "/out")},
		{link("l", ".."), link("l/m", ".."), file("l/m/out")},
		{link("f", filepath.Join(outside, "secret")), file("f")},
		{link("f", "../outside/secret"), hard("h", "f"), file("h")},
		{hard("h", outside+"/secret")},
		{hard("h", "../outside/secret")},
		{file(outside + "/out")},
		{file("/../../out")},
	} {
		for _, confined := range []bool{false, true} {
			base := t.TempDir()
			sh(t, base, "dir outside", "file outside/secret s", "dir root/dst")
			_ = Unpack(t.Context(), bytes.NewReader(stream(t, entries...)), Dest{open(t, base+"/root"), "/dst"},
				UnpackOptions{Owner: keep, Confined: confined, Foreign: true})
			for _, dir := range []string{outside, base + "/outside"} {
				if got := list(t, dir); !strings.HasSuffix(got, "secret 1 \"s\"\n") || strings.Count(got, "\n") != 1 {
					t.Errorf("%d, confined %v: %s", i, confined, got)
				}
			}
			if entries, _ := os.ReadDir(base); len(entries) != 2 {
				t.Errorf("%d, confined %v: %v", i, confined, entries)
			}
		}
	}
}

// TestConfined: a link that lies below the destination already is not followed.
func TestConfined(t *testing.T) {
	src, dst, outside := t.TempDir(), t.TempDir(), t.TempDir()
	sh(t, src, "dir top/d", "file top/d/planted x")
	sh(t, dst, "dir top", "link top/d "+outside)
	data := pack(t, src+"/top", "top")
	err := Unpack(t.Context(), bytes.NewReader(data), Dest{open(t, "/"), dst}, UnpackOptions{Confined: true})
	if err == nil || list(t, outside) != "" {
		t.Errorf("%v, %s", err, list(t, outside))
	}
	if err := Unpack(t.Context(), bytes.NewReader(data), Dest{open(t, "/"), dst}, UnpackOptions{Confined: true, Overwrite: true}); err != nil {
		t.Error(err)
	}
	if list(t, outside) != "" || !strings.Contains(list(t, dst), "top/d/planted") {
		t.Error(list(t, dst))
	}
}

// TestSwapped exchanges a directory and a link that leads out while files are copied from
// and to it.
func TestSwapped(t *testing.T) {
	outside, root, src := t.TempDir(), t.TempDir(), t.TempDir()
	sh(t, outside, "dir sub", "file sub/secret s")
	sh(t, root, "dir d/sub", "file d/sub/f x")
	sh(t, root, "link other "+outside, "dir stage")
	sh(t, src, "dir sub")
	for i := range 20 {
		sh(t, src, fmt.Sprintf("file sub/new%d x", i))
	}
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, root+"/d", unix.AT_FDCWD, root+"/other", unix.RENAME_EXCHANGE)
			}
		}
	})
	fd := open(t, root)
	data := pack(t, src+"/sub", "sub")
	for range 200 {
		var b bytes.Buffer
		_ = Pack(t.Context(), &b, fd, PackOptions{Name: "r"})
		if bytes.Contains(b.Bytes(), []byte("secret")) {
			t.Fatal("what is outside was packed")
		}
		_ = Unpack(t.Context(), bytes.NewReader(data), Dest{fd, "/d"}, UnpackOptions{Owner: keep})
	}
	close(stop)
	swapping.Wait()
	if got := list(t, outside); strings.Count(got, "\n") != 2 {
		t.Errorf("outside:\n%s", got)
	}
}

// FuzzUnpack feeds names and link targets, and looks that nothing is made outside.
func FuzzUnpack(f *testing.F) {
	for _, s := range [][4]string{{"a", "../x", "a/b", "/"}, {"/l", "/..", "l/../../x", "d"}, {"a", "a", "a/a", "d/../.."}, {"./a/", "b", "./a/b", "l"}} {
		f.Add(s[0], s[1], s[2], s[3], true, true)
		f.Add(s[0], s[1], s[2], s[3], false, false)
	}
	f.Fuzz(func(t *testing.T, link, target, name, dst string, confined, foreign bool) {
		if strings.ContainsRune(link+target+name+dst, 0) || len(link+target+name+dst) > 600 {
			t.Skip()
		}
		base := t.TempDir()
		sh(t, base, "dir a/root/d", "link a/root/l ../..")
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range []tar.Header{
			{Name: link, Linkname: target, Typeflag: tar.TypeSymlink},
			{Name: name, Typeflag: tar.TypeReg},
			{Name: name + "2", Linkname: target, Typeflag: tar.TypeLink},
			{Name: link + "/d", Typeflag: tar.TypeDir, Mode: 0o755},
		} {
			_ = w.WriteHeader(&h)
		}
		_ = w.Close()
		_ = Unpack(t.Context(), &b, Dest{open(t, base+"/a/root"), dst}, UnpackOptions{Owner: keep, Confined: confined, Foreign: foreign, Overwrite: true})
		for _, dir := range []string{base, base + "/a"} {
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Fatalf("%s: %v, %v", dir, entries, err)
			}
		}
	})
}
