package files

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/build/files/memory"
	"github.com/rc-containers/rc/test/testns"
)

// keyOf is the key of a copy of all of a source.
func keyOf(t testing.TB, src *Source, c dockerfile.Copy) string {
	t.Helper()
	p, err := Prepare(context.Background(), src, &c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	key, err := p.Key(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return key.String()
}

// TestKey: what changes the key, and what does not.
func TestKey(t *testing.T) {
	const words = "d/a= d/b= d/l>a e/"
	all := dockerfile.Copy{Sources: []string{"."}, Dest: "/"}
	key := func(change func(dir string) error, c dockerfile.Copy, ignore string) string {
		dir := testns.Tree(t, t.TempDir(), words)
		if change != nil {
			if err := change(dir); err != nil {
				t.Fatal(err)
			}
		}
		ig, err := ParseIgnore([]byte(ignore), "")
		if err != nil {
			t.Fatal(err)
		}
		src, err := OpenContext(dir, ig, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		return keyOf(t, src, c)
	}
	base := key(nil, all, "")
	for name, change := range map[string]func(dir string) error{
		"content":   func(dir string) error { return os.WriteFile(dir+"/d/a", []byte("D/A"), 0o644) },
		"mode":      func(dir string) error { return os.Chmod(dir+"/d/a", 0o600) },
		"directory": func(dir string) error { return os.Chmod(dir+"/e", 0o700) },
		"name":      func(dir string) error { return os.Rename(dir+"/d/a", dir+"/d/c") },
		"link": func(dir string) error {
			if err := os.Remove(dir + "/d/l"); err != nil {
				return err
			}
			return os.Symlink("b", dir+"/d/l")
		},
		"type": func(dir string) error {
			if err := os.Remove(dir + "/d/b"); err != nil {
				return err
			}
			return unix.Mkfifo(dir+"/d/b", 0o644)
		},
		"attribute": func(dir string) error { return unix.Setxattr(dir+"/d/a", "user.x", []byte("y"), 0) },
	} {
		if key(change, all, "") == base {
			t.Errorf("%s: the same key", name)
		}
	}
	for name, c := range map[string]dockerfile.Copy{
		"dest":  {Sources: []string{"."}, Dest: "/x/"},
		"chown": {Sources: []string{"."}, Dest: "/", Chown: "1"},
		"chmod": {Sources: []string{"."}, Dest: "/", Chmod: "1"},
		"link":  {Sources: []string{"."}, Dest: "/", Link: true},
	} {
		if key(nil, c, "") == base {
			t.Errorf("%s: the same key", name)
		}
	}
	for name, change := range map[string]func(dir string) error{
		"time":    func(dir string) error { return os.Chtimes(dir+"/d/a", time.Unix(1, 0), time.Unix(1, 0)) },
		"ignored": func(dir string) error { return os.WriteFile(dir+"/ignored", nil, 0o600) },
	} {
		if key(change, all, "ignored") != base {
			t.Errorf("%s: another key", name)
		}
	}
}

// TestKeyOfLayers: an identical file in another layer, or in several, has the same key.
func TestKeyOfLayers(t *testing.T) {
	key := func(words ...string) string {
		var lower []string
		for _, w := range words {
			lower = append(lower, testns.Tree(t, t.TempDir(), w))
		}
		src, err := OpenLayers("stage", lower, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		return keyOf(t, src, dockerfile.Copy{Sources: []string{"/d"}, Dest: "/", From: &dockerfile.Source{Image: words[0]}})
	}
	base := key("d/a= d/b=")
	for _, words := range [][]string{{"d/a=", "d/b= x="}, {"!d/x", "d/x= d/a= d/b="}} {
		if key(words...) != base {
			t.Errorf("%q: another key", words)
		}
	}
	if key("!d/a", "d/a= d/b=") == base {
		t.Error("a whiteout: the same key")
	}
}

// TestMemory: what is remembered is not read; what is young, or has changed, is.
func TestMemory(t *testing.T) {
	dir := testns.Tree(t, t.TempDir(), "a= b=")
	path := filepath.Join(t.TempDir(), "sub", "memory")
	all := dockerfile.Copy{Sources: []string{"."}, Dest: "/"}
	// known gives the key, and how many files are known without reading them.
	known := func() (string, int) {
		m := memory.Open(path)
		src, err := OpenContext(dir, nil, m)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		key := keyOf(t, src, all)
		n := m.Known()
		if err := m.Save(); err != nil {
			t.Fatal(err)
		}
		return key, n
	}
	first, n := known()
	if n != 0 {
		t.Errorf("%d files are known of none", n)
	}
	if _, n := known(); n != 0 {
		t.Errorf("%d files are known that are young", n)
	}
	time.Sleep(memory.Settled + 100*time.Millisecond)
	known()
	second, n := known()
	if n != 2 || first != second {
		t.Errorf("%d files are known, want 2; keys %s and %s", n, first, second)
	}
	if err := os.WriteFile(dir+"/a", []byte("A"), 0o644); err != nil { // as long as before
		t.Fatal(err)
	}
	third, n := known()
	if n != 1 || third == second {
		t.Errorf("%d files are known, want 1; keys %s and %s", n, second, third)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	fourth, n := known()
	if n != 0 || fourth != third {
		t.Errorf("%d files are known by a damaged file; keys %s and %s", n, third, fourth)
	}
}
