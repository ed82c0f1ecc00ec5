package image_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/worker"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/test/testns"
)

// TestMain is the tests, and rc-image for them.
func TestMain(m *testing.M) {
	if os.Args[0] == "rc-image" {
		worker.Main()
		return
	}
	testns.Main(m)
}

// setup gives directories of the test's own, and lets package image find the worker.
func setup(t testing.TB) *config.Config {
	t.Helper()
	bin := t.TempDir()
	must(t, os.Symlink("/proc/self/exe", filepath.Join(bin, "unused")))
	exe, err := os.Executable()
	must(t, err)
	must(t, os.Symlink(exe, filepath.Join(bin, "rc-image")))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("CONTAINERS_REGISTRIES_CONF", write(t, nil))
	dir := t.TempDir()
	return &config.Config{DataRoot: filepath.Join(dir, "data"), RunRoot: filepath.Join(dir, "run"), TmpDir: t.TempDir()}
}

// quiet throws the worker's progress away.
func quiet(t testing.TB) image.Streams {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { null.Close() })
	return image.Streams{Stdin: null, Stdout: null, Stderr: null}
}

// nothing looks that a store holds no image, no layer and nothing half-done.
func nothing(t *testing.T, cfg *config.Config) {
	t.Helper()
	ix, err := index.Read(cfg)
	must(t, err)
	all, err := ix.All()
	must(t, err)
	if ix.Stale || len(all) > 0 {
		t.Errorf("index: stale %t, images %v", ix.Stale, all)
	}
	entries, _ := os.ReadDir(cfg.StorageRoot() + "/overlay")
	for _, e := range entries {
		if len(e.Name()) == 64 {
			t.Errorf("layer %s was left", e.Name())
		}
	}
	empty(t, cfg)
}

// empty looks that nothing is staged and no temporary file left.
func empty(t *testing.T, cfg *config.Config) {
	t.Helper()
	for _, dir := range []string{cfg.StorageRoot() + "/staging", cfg.TmpDir} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if len(entries) > 0 {
			t.Errorf("%s is not empty: %v", dir, entries)
		}
	}
}

func resolve(t *testing.T, cfg *config.Config, name string) *index.Image {
	t.Helper()
	img, err := image.Resolve(context.Background(), cfg, name, spec.Platform{})
	must(t, err)
	return img
}

// twoLayers is an image of two layers with a configuration.
func twoLayers(t testing.TB) *built {
	t.Helper()
	return build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{Cmd: []string{"sh"}, Env: []string{"A=b"}, Labels: map[string]string{"l": "1"}},
		tarOf(t, files{{"etc/", ""}, {"etc/a", "1"}, {"etc/b", "2"}}), tarOf(t, files{{"etc/.wh.a", ""}, {"etc/c", "3"}}))
}

// check looks at an image of twoLayers.
func check(t *testing.T, img *index.Image) {
	t.Helper()
	if d := cmp.Diff([]string{"sh"}, img.Config.Cmd); d != "" {
		t.Error(d)
	}
	if len(img.Lower) != 2 {
		t.Fatalf("lower: %v", img.Lower)
	}
	if data, err := os.ReadFile(img.Lower[1] + "/etc/a"); err != nil || string(data) != "1" {
		t.Errorf("lowest layer: %q, %v", data, err)
	}
	var st unix.Stat_t
	if err := unix.Lstat(img.Lower[0]+"/etc/a", &st); err != nil || st.Mode != unix.S_IFCHR || st.Rdev != 0 {
		t.Errorf("whiteout: %o, %v", st.Mode, err)
	}
}

func TestLoad(t *testing.T) {
	b := twoLayers(t)
	again := build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{Cmd: []string{"sh"}}, b.diffs[0], b.diffs[1], b.diffs[0])
	for _, c := range []struct {
		name  string
		data  []byte
		id    string
		names []string
		stdin bool
	}{
		{"docker-archive, old", b.dockerArchive(t, true, "app:1", "quay.io/x/app:2"), b.id(), []string{"docker.io/library/app:1", "quay.io/x/app:2"}, false},
		{"docker-archive, new", b.dockerArchive(t, false, "localhost/app:1"), b.id(), []string{"localhost/app:1"}, false},
		{"docker-archive, repeated layers", again.dockerArchive(t, true), again.id(), nil, false},
		{"docker-archive, gzip", gz(t, b.dockerArchive(t, false, "app:1")), b.id(), []string{"docker.io/library/app:1"}, false},
		{"docker-archive, zstd from a pipe", zst(t, b.dockerArchive(t, true, "app:1")), b.id(), []string{"docker.io/library/app:1"}, true},
		{"oci-archive", ociArchive(t, []string{"quay.io/x/app:3"}, b), b.id(), []string{"quay.io/x/app:3"}, false},
		{"oci-archive from a pipe", ociArchive(t, []string{"latest"}, b), b.id(), nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := setup(t)
			o := image.LoadOptions{Streams: quiet(t)}
			if c.stdin {
				r, w, err := os.Pipe()
				must(t, err)
				defer r.Close()
				go func() {
					_, _ = io.Copy(w, bytes.NewReader(c.data))
					w.Close()
				}()
				o.Streams.Stdin = r
			} else {
				o.Input = write(t, c.data)
			}
			loaded, err := image.Load(context.Background(), cfg, o)
			must(t, err)
			if d := cmp.Diff([]image.Loaded{{ID: c.id, Names: c.names}}, loaded); d != "" {
				t.Fatal(d)
			}
			if c.id == b.id() {
				check(t, resolve(t, cfg, c.id[:10]))
			}
			for _, name := range c.names {
				if img := resolve(t, cfg, name); img.ID != c.id {
					t.Errorf("%s is %s", name, img.ID)
				}
			}
			empty(t, cfg)
		})
	}
}

func TestLoadRefused(t *testing.T) {
	b := twoLayers(t)
	good := b.dockerArchive(t, false, "app:1")
	wrong := build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{}, b.diffs[0])
	wrong.diffs = [][]byte{b.diffs[1]}
	few := build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{}, b.diffs[0], b.diffs[1])
	few.diffs = few.diffs[:1]
	evil := build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{}, tarOf(t, files{{"../evil", "x"}}))
	damaged := twoLayers(t)
	damaged.blobs[damaged.layers[0].Digest] = gz(t, []byte("something else"))
	for _, c := range []struct {
		name string
		data []byte
		text string
	}{
		{"empty", nil, "it is empty"},
		{"no archive", []byte("<html>" + strings.Repeat("x", 600)), "not a tar archive"},
		{"cut off", good[:700], "cut off"},
		{"gzip cut off", gz(t, good)[:500], "unexpected EOF"},
		{"root filesystem", tarOf(t, files{{"etc/passwd", ""}, {"bin/sh", ""}}), "neither manifest.json"},
		{"digest of a layer", wrong.dockerArchive(t, false, "app:1"), "the image's configuration says"},
		{"number of layers", few.dockerArchive(t, false, "app:1"), "names 2 layers, the manifest 1"},
		{"way out of the root", evil.dockerArchive(t, false, "app:1"), "leads out of the root"},
		{"name", b.dockerArchive(t, false, "App:1"), "lowercase"},
		{"member missing", tarOf(t, files{{"manifest.json", `[{"Config":"x.json","Layers":[]}]`}}), `archive member "x.json": not found`},
		{"manifest", tarOf(t, files{{"manifest.json", `{`}}), `archive member "manifest.json"`},
		{"no image", tarOf(t, files{{"manifest.json", `[]`}}), "names no image"},
		{"oci blob", ociArchive(t, []string{"x/y:1"}, damaged), "the manifest says"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := setup(t)
			_, err := image.Load(context.Background(), cfg, image.LoadOptions{Input: write(t, c.data), Streams: quiet(t)})
			if !errors.Is(err, errs.ErrInvalid) && !errors.Is(err, errs.ErrNotFound) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want one with %q", err, c.text)
			}
			nothing(t, cfg)
		})
	}
}

func TestImport(t *testing.T) {
	cfg := setup(t)
	rootfs := tarOf(t, files{{"etc/", ""}, {"etc/passwd", "root"}})
	o := image.ImportOptions{
		Source: write(t, gz(t, rootfs)), Name: "mine", Message: "hello", Streams: quiet(t),
		Changes: []string{`CMD ["sh", "-c"]`, "ENTRYPOINT /bin/app run", "ENV A=1 B='2 3'", "EXPOSE 80 53/udp", "LABEL x=y", "USER nobody", `VOLUME ["/data"]`, "WORKDIR /srv", "WORKDIR sub", "STOPSIGNAL SIGINT", "ONBUILD RUN true", "HEALTHCHECK --retries=2 CMD true"},
	}
	id, err := image.Import(context.Background(), cfg, o)
	must(t, err)
	img := resolve(t, cfg, "mine")
	if img.ID != id || img.Names[0] != "localhost/mine:latest" || img.Comment != "hello" {
		t.Errorf("%+v", img)
	}
	want := index.Config{ImageConfig: index.ImageConfig{
		Cmd: []string{"sh", "-c"}, Entrypoint: []string{"/bin/sh", "-c", "/bin/app run"}, Env: []string{"A=1", "B=2 3"},
		ExposedPorts: map[string]struct{}{"80/tcp": {}, "53/udp": {}}, Labels: map[string]string{"x": "y"}, User: "nobody",
		Volumes: map[string]struct{}{"/data": {}}, WorkingDir: "/srv/sub", StopSignal: "SIGINT",
	}, OnBuild: []string{"RUN true"}, Healthcheck: json.RawMessage(`{"Test":["CMD-SHELL","true"],"Retries":2}`)}
	if d := cmp.Diff(want, img.Config); d != "" {
		t.Error(d)
	}
	// The name moves; the old image stays without it.
	o.Changes = nil
	second, err := image.Import(context.Background(), cfg, o)
	must(t, err)
	if got := resolve(t, cfg, "mine").ID; got != second || second == id {
		t.Errorf("mine is %s", got)
	}
	if old := resolve(t, cfg, id); len(old.Names) != 0 {
		t.Errorf("the old image is still called %v", old.Names)
	}
	_, err = image.Import(context.Background(), cfg, image.ImportOptions{Source: write(t, []byte(strings.Repeat("no", 600))), Streams: quiet(t)})
	if !errors.Is(err, errs.ErrInvalid) {
		t.Error(err)
	}
	if _, err = image.Import(context.Background(), cfg, image.ImportOptions{Source: "/no/such/file", Streams: quiet(t)}); err == nil {
		t.Error("a missing file was imported")
	}
	empty(t, cfg)
}

func TestRemove(t *testing.T) {
	ctx := context.Background()
	cfg := setup(t)
	b := twoLayers(t)
	_, err := image.Load(ctx, cfg, image.LoadOptions{Input: write(t, b.dockerArchive(t, false, "app:1")), Streams: quiet(t)})
	must(t, err)
	must(t, image.Tag(ctx, cfg, "app:1", "other", "quay.io/a/b:c"))
	removed, err := image.Remove(ctx, cfg, image.RemoveOptions{Images: []string{"other"}})
	must(t, err)
	if d := cmp.Diff(image.Removed{Untagged: []string{"localhost/other:latest"}, IDs: map[string]string{"localhost/other:latest": b.id()}}, removed); d != "" {
		t.Error(d)
	}
	if _, err = image.Remove(ctx, cfg, image.RemoveOptions{Images: []string{b.id()[:12]}}); !errors.Is(err, errs.ErrInUse) || !strings.Contains(errs.Hint(err), "--force") {
		t.Errorf("several names: %v, %q", err, errs.Hint(err))
	}
	if _, err = image.Remove(ctx, cfg, image.RemoveOptions{Images: []string{"none", "a/b:c"}}); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := image.Resolve(ctx, cfg, "quay.io/a/b:c", spec.Platform{}); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("the known one was not removed: %v", err)
	}
	if _, err = image.Remove(ctx, cfg, image.RemoveOptions{Images: []string{"none"}, Ignore: true}); err != nil {
		t.Error(err)
	}
	// A container keeps its image.
	dir := filepath.Join(cfg.DataRoot, "containers", strings.Repeat("a", 64))
	must(t, os.MkdirAll(dir, 0o700))
	summary, err := json.Marshal(spec.Summary{ID: strings.Repeat("a", 64), Name: "focused_curie", ImageID: b.id()})
	must(t, err)
	must(t, os.WriteFile(dir+"/summary.json", summary, 0o600))
	_, err = image.Remove(ctx, cfg, image.RemoveOptions{Images: []string{"app:1"}})
	if !errors.Is(err, errs.ErrInUse) || !strings.Contains(err.Error(), `"focused_curie"`) || !strings.Contains(errs.Hint(err), "rc rm focused_curie") {
		t.Errorf("in use: %v, %q", err, errs.Hint(err))
	}
	resolve(t, cfg, "app:1")
	must(t, os.RemoveAll(dir))
	removed, err = image.Remove(ctx, cfg, image.RemoveOptions{All: true})
	must(t, err)
	if d := cmp.Diff(image.Removed{Untagged: []string{"docker.io/library/app:1"}, Deleted: []string{b.id()}, IDs: map[string]string{"docker.io/library/app:1": b.id()}}, removed); d != "" {
		t.Error(d)
	}
	nothing(t, cfg)
}

// TestRemoveWaits: whoever is about to make a container keeps the image.
func TestRemoveWaits(t *testing.T) {
	ctx := context.Background()
	cfg := setup(t)
	b := twoLayers(t)
	_, err := image.Load(ctx, cfg, image.LoadOptions{Input: write(t, b.dockerArchive(t, false, "app:1")), Streams: quiet(t)})
	must(t, err)
	lock, err := index.Hold(ctx, cfg, true)
	must(t, err)
	var released atomic.Bool
	done := make(chan error, 1)
	go func() {
		_, err := image.Remove(ctx, cfg, image.RemoveOptions{Images: []string{"app:1"}})
		if !released.Load() {
			err = errors.New("it did not wait")
		}
		done <- err
	}()
	resolve(t, cfg, "app:1")
	released.Store(true)
	lock.Release()
	must(t, <-done)
	nothing(t, cfg)
}

// TestRefresh: the index is built anew after somebody else has changed the store, and after
// it was damaged.
func TestRefresh(t *testing.T) {
	ctx := context.Background()
	cfg := setup(t)
	b := twoLayers(t)
	_, err := image.Load(ctx, cfg, image.LoadOptions{Input: write(t, b.dockerArchive(t, false, "app:1")), Streams: quiet(t)})
	must(t, err)
	for _, damage := range []func() error{
		func() error { return os.Remove(cfg.IndexPath()) },
		func() error { return os.Truncate(cfg.IndexPath(), 0) },
		func() error { return os.WriteFile(cfg.IndexPath(), []byte("{}\n{\n"), 0o600) },
		func() error { return os.Remove(cfg.DataRoot + "/images/" + b.id() + ".json") },
		func() error { return os.Truncate(cfg.DataRoot+"/images/"+b.id()+".json", 7) },
		func() error {
			return os.WriteFile(cfg.StorageRoot()+"/overlay-images/images.lock", make([]byte, 64), 0o600)
		},
	} {
		must(t, damage())
		check(t, resolve(t, cfg, "app:1"))
	}
}
