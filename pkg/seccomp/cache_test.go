package seccomp

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestCached(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	o := Options{Caps: dockerCaps}
	want, err := Compile(defaultProfile(t), o)
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string, o Options) []byte {
		t.Helper()
		prog, err := Cached(dir, path, o)
		if err != nil {
			t.Fatal(err)
		}
		return prog
	}
	files := func() []string {
		list, err := filepath.Glob(dir + "/*")
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	for range 2 {
		if !bytes.Equal(get("", o), want) {
			t.Fatal("another program")
		}
	}
	if n := len(files()); n != 1 {
		t.Fatalf("%d files", n)
	}
	// The order and spelling of the capabilities do not matter.
	shuffled := Options{Caps: slices.Clone(dockerCaps)}
	slices.Reverse(shuffled.Caps)
	shuffled.Caps[0] = strings.ToLower(shuffled.Caps[0])
	if !bytes.Equal(get("", shuffled), want) || len(files()) != 1 {
		t.Error("another order of capabilities is another file")
	}
	// Everything that changes the program changes the key.
	for _, other := range []Options{{Caps: allCaps}, {Caps: dockerCaps, Kernel: Kernel{4, 4}}, {Caps: dockerCaps, Arch: "arm64"}} {
		if runningKernel() == other.Kernel {
			continue
		}
		get("", other)
	}
	if len(files()) < 3 {
		t.Errorf("options share files: %v", files())
	}
}

// TestCachedDamaged breaks the cached file in several ways; each time the program comes
// out right and the file is mended.
func TestCachedDamaged(t *testing.T) {
	dir := t.TempDir()
	o := Options{Caps: dockerCaps}
	want, err := Cached(dir, "", o)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, cacheName(cacheHead("", nil, o.withDefaults())))
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(good)
	flipped[len(flipped)-3] ^= 1
	for name, bad := range map[string][]byte{
		"empty": {}, "cut": good[:len(good)-8], "flipped": flipped, "zeros": make([]byte, len(good)),
		"head only": good[:len(cacheHead("", nil, o.withDefaults()))],
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := Cached(dir, "", o)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v, program right: %v", err, bytes.Equal(got, want))
			}
			if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, good) {
				t.Errorf("not mended: %v", err)
			}
		})
	}
}

func TestCachedFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(t.TempDir(), "p.json")
	write := func(s string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}`)
	a, err := Cached(dir, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	write(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_KILL"}]}`)
	b, err := Cached(dir, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a, b) {
		t.Error("a changed profile gave the old program")
	}
	write(`{"defaultAction":"x"}`)
	if _, err := Cached(dir, path, Options{}); err == nil || !strings.Contains(err.Error(), path+": line 1: defaultAction") {
		t.Errorf("got %v", err)
	}
	if _, err := Cached(dir, path+".no", Options{}); err == nil {
		t.Error("a missing profile is no error")
	}
}

func TestCachedUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if prog, err := Cached(filepath.Join(file, "dir"), "", Options{}); err != nil || len(prog) == 0 {
		t.Errorf("%d bytes, %v", len(prog), err)
	}
}

func TestCachedAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if prog, err := Cached(dir, "", Options{Caps: dockerCaps}); err != nil || len(prog) == 0 {
				t.Errorf("%d bytes, %v", len(prog), err)
			}
		})
	}
	wg.Wait()
	if left, err := filepath.Glob(dir + "/.new-*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func BenchmarkCached(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		if _, err := Cached(dir, "", Options{Caps: dockerCaps}); err != nil {
			b.Fatal(err)
		}
	}
}
