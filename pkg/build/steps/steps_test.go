package steps

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
)

func setup(t testing.TB) *config.Config {
	t.Helper()
	return &config.Config{DataRoot: filepath.Join(t.TempDir(), "data")}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// id is 64 hex digits.
func id(c string) string { return strings.Repeat(c, 64) }

func TestRecords(t *testing.T) {
	cfg := setup(t)
	if all, err := All(cfg); err != nil || len(all) > 0 {
		t.Errorf("%v, %v", all, err)
	}
	r := &Record{Key: id("a"), Layer: id("1"), DiffID: "sha256:" + id("2"), Size: 3, Text: "RUN x", Made: time.Now().UTC().Truncate(time.Second)}
	must(t, Write(cfg, r))
	got, err := Find(cfg, id("a"))
	must(t, err)
	if got.Used.IsZero() {
		t.Error("it was never used")
	}
	got.Used = time.Time{}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Error(diff)
	}
	Use(cfg, got)
	if again, err := Find(cfg, id("a")); err != nil || again.Uses != 1 {
		t.Errorf("%+v, %v", again, err)
	}
	for key, text := range map[string]string{id("b"): "{", id("c"): `{"layer":"../../x","diffID":"y"}`, id("d"): `{}`, id("e"): ""} {
		must(t, os.WriteFile(recordPath(cfg, key), []byte(text), 0o600))
		if _, err := Find(cfg, key); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if all, err := All(cfg); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	must(t, Forget(cfg, id("a")))
	must(t, Forget(cfg, id("a")))
	if _, err := Find(cfg, id("a")); !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
}

func TestPins(t *testing.T) {
	cfg := setup(t)
	ctx := context.Background()
	p, err := NewPin(cfg)
	must(t, err)
	must(t, p.Add(ctx, "", id("1")))
	must(t, p.Add(ctx, id("1"), id("2")))
	must(t, Write(cfg, &Record{Key: id("a"), Layer: id("3"), DiffID: "x"}))
	want := map[string]bool{id("1"): true, id("2"): true, id("3"): true}
	if got, err := Kept(cfg); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	// A process that was killed has no lock any more.
	dead := filepath.Join(pinDir(cfg), "dead")
	must(t, os.WriteFile(dead, []byte(id("4")+"\n"), 0o600))
	if got, err := Pinned(cfg); err != nil || got[id("4")] || !got[id("1")] {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := os.Lstat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a dead pin is there still: %v", err)
	}
	p.Release()
	if got, err := Pinned(cfg); err != nil || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLock(t *testing.T) {
	cfg := setup(t)
	ctx := context.Background()
	first, err := Acquire(ctx, cfg, id("a"), nil)
	must(t, err)
	waited, got := make(chan struct{}), make(chan error, 1)
	go func() {
		second, err := Acquire(ctx, cfg, id("a"), func() { close(waited) })
		second.Release()
		got <- err
	}()
	<-waited
	select {
	case <-got:
		t.Fatal("two have it")
	case <-time.After(20 * time.Millisecond):
	}
	first.Release()
	first.Release()
	must(t, <-got)
	if entries, err := os.ReadDir(filepath.Join(Dir(cfg), "locks")); err != nil || len(entries) > 0 {
		t.Errorf("left %v, %v", entries, err)
	}
	short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	third, err := Acquire(ctx, cfg, id("a"), nil)
	must(t, err)
	defer third.Release()
	if _, err := Acquire(short, cfg, id("a"), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestCacheMount(t *testing.T) {
	cfg := setup(t)
	ctx := context.Background()
	m := CacheMount{ID: "go", UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Mode: 0o711}
	fills := 0
	fill := func(dir string) error {
		fills++
		return os.MkdirAll(filepath.Join(dir, "first"), 0o755)
	}
	open := func(sharing string) *Mounted {
		t.Helper()
		o, err := m.Open(ctx, cfg, sharing, nil, fill)
		must(t, err)
		return o
	}
	a := open(Shared)
	b := open(Shared)
	if a.Data != b.Data || fills != 1 {
		t.Errorf("shared: %s and %s, filled %d times", a.Data, b.Data, fills)
	}
	if info, err := os.Stat(a.Data); err != nil || info.Mode().Perm() != 0o711 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	c := open(Private)
	if c.Data == a.Data {
		t.Error("a private one is shared")
	}
	d := open(Private)
	if d.Data == c.Data {
		t.Error("two have a private one")
	}
	short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	waited := false
	if _, err := m.Open(short, cfg, Locked, func() { waited = true }, nil); !errors.Is(err, context.DeadlineExceeded) || !waited {
		t.Errorf("locked beside others: %v", err)
	}
	all, err := List(cfg, nil)
	must(t, err)
	if len(all) != 3 || !all[0].InUse || all[0].Text != "go" || all[0].Type != CacheDir {
		t.Errorf("%+v", all)
	}
	if done, err := Delete(ctx, cfg, Entry{ID: m.Name(), Type: CacheDir}); done || err != nil {
		t.Errorf("deleted what is in use: %v", err)
	}
	for _, o := range []*Mounted{a, b, c, d} {
		o.Release()
	}
	if e := open(Private); e.Data != a.Data {
		t.Error("a private one does not take the first that is free")
	} else {
		e.Release()
	}
	// Killed while it was filled: what is there does not count.
	must(t, os.Remove(filepath.Join(filepath.Dir(a.Data), infoFile)))
	must(t, os.WriteFile(filepath.Join(a.Data, "half"), nil, 0o600))
	f := open(Locked)
	if _, err := os.Lstat(filepath.Join(f.Data, "half")); !errors.Is(err, os.ErrNotExist) || f.Data != a.Data {
		t.Errorf("%s: %v", f.Data, err)
	}
	f.Release()
	for _, e := range all {
		if done, err := Delete(ctx, cfg, e); !done || err != nil {
			t.Error(err)
		}
	}
	if empty, err := Empty(cfg); !empty || err != nil {
		t.Errorf("something is left: %v", err)
	}
}

func TestSelect(t *testing.T) {
	now := time.Now()
	all := []Entry{ // what was used last comes first
		{ID: "aa1", Type: Regular, Text: "RUN make", Used: now, Size: 10, Layer: "1", InUse: true},
		{ID: "ab2", Type: Regular, Text: "RUN make test", Used: now.Add(-time.Minute), Size: 20, Layer: "2"},
		{ID: "bb3", Type: Regular, Text: "COPY . .", Used: now.Add(-time.Hour), Size: 40, Layer: "3", Shared: true},
		{ID: "cc4", Type: CacheDir, Text: "/root/.cache", Used: now.Add(-2 * time.Hour), Size: 80},
		{ID: "dd5", Type: Regular, Text: "RUN x", Used: now.Add(-3 * time.Hour), Size: 20, Layer: "2"},
	}
	for name, test := range map[string]struct {
		o    PruneOptions
		want string
	}{
		"default": {PruneOptions{}, "ab2 cc4 dd5"},
		"all":     {PruneOptions{All: true}, "ab2 bb3 cc4 dd5"},
		"before":  {PruneOptions{All: true, Before: now.Add(-90 * time.Minute)}, "cc4 dd5"},
		"ids":     {PruneOptions{All: true, IDs: []string{"a", "bb"}}, "ab2 bb3"},
		"type":    {PruneOptions{Types: []string{CacheDir}}, "cc4"},
		"text":    {PruneOptions{Texts: []string{"make"}}, "ab2"},
		"keep":    {PruneOptions{Keep: 40}, "cc4"}, // dd5 has the layer of ab2
		"keep 10": {PruneOptions{Keep: 10}, "ab2 cc4 dd5"},
		"keep 1":  {PruneOptions{Keep: 1 << 40}, ""},
	} {
		var got []string
		for _, e := range test.o.Select(all) {
			got = append(got, e.ID)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %q, want %s", name, got, test.want)
		}
	}
	if n := Size(all); n != 10+20+80 {
		t.Errorf("size %d", n)
	}
	if err := (PruneOptions{Types: []string{"x"}}).Check(); !errors.Is(err, errs.ErrInvalid) {
		t.Error(err)
	}
}
