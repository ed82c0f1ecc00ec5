package index

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
)

// digestOf is the digest of a text.
func digestOf(text string) Digest {
	return Digest(fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))))
}

func id(n int) string { return fmt.Sprintf("%02x%062x", n, n) }

// filled is an index of entries with records.
func filled(t testing.TB, entries ...Entry) *config.Config {
	t.Helper()
	cfg := &config.Config{DataRoot: t.TempDir()}
	for _, e := range entries {
		r := &Record{LayerIDs: []string{id(200), id(201)}, Config: Config{ImageConfig: ImageConfig{
			Cmd: []string{"sh"}, Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}, Labels: map[string]string{"maintainer": "x"},
		}}}
		if err := WriteRecord(cfg, e.ID, r); err != nil {
			t.Fatal(err)
		}
	}
	state, err := Current(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(cfg, state, entries, nil); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestFind(t *testing.T) {
	d1, d2 := digestOf("1"), digestOf("2")
	cfg := filled(t,
		Entry{ID: id(0xaa), Names: []string{"docker.io/library/alpine:latest", "docker.io/library/alpine:3"}, Digest: d1, Digests: []Digest{d1, d2}},
		Entry{ID: id(0xab), Names: []string{"localhost/alpine:latest", "localhost/mine:1"}},
		Entry{ID: id(0xcd), Names: []string{"quay.io/team/tool:latest", "docker.io/library/cd:latest"}},
		Entry{ID: id(0xee), Names: []string{"quay.io/x/y@" + d1.String()}, Digest: d1},
		Entry{ID: id(0xef)},
	)
	ix, err := Read(cfg)
	if err != nil || ix.Stale {
		t.Fatal(err, ix.Stale)
	}
	for value, want := range map[string]int{
		"alpine": 0xab, "docker.io/alpine": 0xaa, "alpine:3": 0xaa, "alpine:latest": 0xab, "library/alpine": 0xaa, "mine:1": 0xab,
		"team/tool": 0xcd, "quay.io/team/tool": 0xcd, "cd": 0xcd, id(0xcd): 0xcd, "sha256:" + id(0xef): 0xef, id(0xef)[:12]: 0xef, "aa": 0xaa,
		"docker.io/library/alpine@" + d2.String(): 0xaa, "alpine:3@" + d1.String(): 0xaa, "quay.io/x/y@" + d1.String(): 0xee, "x/y@" + d1.String(): 0xee,
	} {
		if e, err := ix.Find(value); err != nil || e.ID != id(want) {
			t.Errorf("%s: %.2s, %v, want %x", value, e.ID, err, want)
		}
	}
	for value, want := range map[string]error{
		"alpin": errs.ErrNotFound, "alpine:4": errs.ErrNotFound, "tool": errs.ErrNotFound, "mine": errs.ErrNotFound, "ff": errs.ErrNotFound, id(3): errs.ErrNotFound,
		"quay.io/alpine": errs.ErrNotFound, "alpine@" + digestOf("3").String(): errs.ErrNotFound, "x/y": errs.ErrNotFound,
		"a": errs.ErrInvalid, "e": errs.ErrInvalid, "Alpine": errs.ErrInvalid, "": errs.ErrInvalid,
	} {
		if e, err := ix.Find(value); !errors.Is(err, want) {
			t.Errorf("%q: %.2s, %v, want %v", value, e.ID, err, want)
		}
	}
}

func TestStale(t *testing.T) {
	for name, change := range map[string]func(cfg *config.Config) error{
		"other version": func(cfg *config.Config) error {
			return os.WriteFile(cfg.IndexPath(), []byte(`{"version":99}`+"\n"), 0o600)
		},
		"empty": func(cfg *config.Config) error { return os.Truncate(cfg.IndexPath(), 0) },
		"store written": func(cfg *config.Config) error {
			dir := filepath.Join(cfg.StorageRoot(), "overlay-layers")
			return errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(dir+"/layers.json", []byte("[]"), 0o600))
		},
		"store locked for writing": func(cfg *config.Config) error {
			dir := filepath.Join(cfg.StorageRoot(), "overlay-images")
			return errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(dir+"/images.lock", []byte("x"), 0o600))
		},
	} {
		cfg := filled(t, Entry{ID: id(1)})
		if ix, err := Read(cfg); err != nil || ix.Stale {
			t.Fatal(err)
		}
		if err := change(cfg); err != nil {
			t.Fatal(err)
		}
		if ix, err := Read(cfg); err != nil || !ix.Stale {
			t.Errorf("%s: %v", name, err)
		}
	}
	if ix, err := Read(&config.Config{DataRoot: filepath.Join(t.TempDir(), "none")}); err != nil || ix.Stale {
		t.Errorf("without a store: %v", err)
	}
}

func TestWriteSweeps(t *testing.T) {
	cfg := filled(t, Entry{ID: id(1)}, Entry{ID: id(2)})
	state, err := Current(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(cfg, state, []Entry{{ID: id(2)}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadRecord(cfg, id(1)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the removed image's record: %v", err)
	}
	if _, err := ReadRecord(cfg, id(2)); err != nil {
		t.Error(err)
	}
}

func TestHold(t *testing.T) {
	cfg := &config.Config{DataRoot: filepath.Join(t.TempDir(), "new")}
	ctx := context.Background()
	a, err := Hold(ctx, cfg, true)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Hold(ctx, cfg, true)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := Hold(short, cfg, false); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("exclusive beside shared: %v", err)
	}
	if err := a.Upgrade(); !errors.Is(err, ErrLocked) {
		t.Errorf("upgrade beside another: %v", err)
	}
	b.Release()
	b.Release()
	if err := a.Upgrade(); err != nil {
		t.Error(err)
	}
	a.Downgrade()
	c, err := Hold(ctx, cfg, true)
	if err != nil {
		t.Error(err)
	}
	a.Release()
	c.Release()
}

// BenchmarkResolve200 is what run pays for an image by name: below 0.3 ms.
func BenchmarkResolve200(b *testing.B) {
	var entries []Entry
	for i := range 200 {
		d := digestOf(fmt.Sprint(i))
		entries = append(entries, Entry{ID: id(i), Names: []string{fmt.Sprintf("registry.example.com/team/project/image%d:latest", i)}, Digest: d, Digests: []Digest{d}})
	}
	cfg := filled(b, entries...)
	for b.Loop() {
		ix, err := Read(cfg)
		if err != nil {
			b.Fatal(err)
		}
		e, err := ix.Find("registry.example.com/team/project/image199")
		if err != nil {
			b.Fatal(err)
		}
		img, err := ix.Load(e)
		if err != nil || !strings.HasSuffix(img.Lower[0], "/diff") {
			b.Fatal(err)
		}
	}
}
