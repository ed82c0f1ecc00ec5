package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/test/testns"
)

// workers are the pids of our rc-image children.
func workers(t testing.TB) []int {
	t.Helper()
	return testns.Children(t, "rc-image\x00")
}

// TestKilled kills the worker with SIGKILL at many moments of a pull. Nothing half-done is seen, and the
// next pull works and cleans up.
func TestKilled(t *testing.T) {
	big := tarOf(t, files{{"big", strings.Repeat("0123456789", 300000)}, {"etc/", ""}})
	b := build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{}, big, tarOf(t, files{{"b", "2"}}), tarOf(t, files{{"c", "3"}}))
	r := newRegistry(t)
	r.put(t, "1", nil, b)
	cfg := setup(t)
	start := time.Now()
	_, err := image.Pull(context.Background(), cfg, options(t, r.name("app:1")))
	must(t, err)
	whole := time.Since(start)
	const steps = 25
	for i := range steps {
		cfg := setup(t)
		done := make(chan error, 1)
		go func() {
			_, err := image.Pull(context.Background(), cfg, options(t, r.name("app:1")))
			done <- err
		}()
		time.Sleep(whole * time.Duration(i) / steps)
		for _, pid := range workers(t) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		killed := <-done
		ix, err := index.Read(cfg)
		must(t, err)
		all, err := ix.All()
		must(t, err)
		if killed != nil && len(all) > 0 && !ix.Stale {
			// Killed after the index was written and before the answer: then all of it is there.
			img, err := ix.Load(all[0])
			must(t, err)
			if len(img.Lower) != 3 {
				t.Errorf("half an image: %v", img)
			}
		}
		img, err := image.Pull(context.Background(), cfg, options(t, r.name("app:1")))
		must(t, err)
		if data, err := os.ReadFile(img.Lower[2] + "/big"); err != nil || len(data) != 3000000 {
			t.Errorf("step %d: %d bytes, %v", i, len(data), err)
		}
		if left := parts(t, cfg); len(left) > 0 {
			t.Errorf("step %d: left %v", i, left)
		}
		// One that found the whole image there did not open the store, and so swept nothing: the next does.
		_, err = image.Remove(context.Background(), cfg, image.RemoveOptions{All: true})
		must(t, err)
		nothing(t, cfg)
	}
}

// TestInterrupted: ending the context ends the worker, which cleans up behind itself.
func TestInterrupted(t *testing.T) {
	b := twoLayers(t)
	r := newRegistry(t)
	r.put(t, "1", nil, b)
	asked, hang := make(chan struct{}, 9), make(chan struct{})
	t.Cleanup(func() { close(hang) })
	r.odd = func(_ http.ResponseWriter, q *http.Request, _ int) bool {
		if !strings.Contains(q.URL.Path, b.layers[1].Digest.String()) {
			return false
		}
		asked <- struct{}{}
		select {
		case <-hang:
		case <-q.Context().Done():
		}
		return true
	}
	cfg := setup(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := image.Pull(ctx, cfg, options(t, r.name("app:1")))
		done <- err
	}()
	<-asked
	start := time.Now()
	cancel()
	if err := <-done; err == nil {
		t.Error("it succeeded")
	}
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("it took %s to end", d)
	}
	if pids := workers(t); len(pids) > 0 {
		t.Errorf("still there: %v", pids)
	}
	empty(t, cfg)
}

// TestTogether: several pulls of images that share layers fetch each layer once.
func TestTogether(t *testing.T) {
	base := tarOf(t, files{{"base", strings.Repeat("x", 500000)}})
	r := newRegistry(t)
	var images []*built
	for i := range 4 {
		b := build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{}, base, tarOf(t, files{{"n", fmt.Sprint(i)}}))
		r.put(t, fmt.Sprint(i), nil, b)
		images = append(images, b)
	}
	cfg := setup(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			img, err := image.Pull(context.Background(), cfg, options(t, r.name(fmt.Sprintf("app:%d", i/2))))
			if err != nil {
				t.Error(err)
			} else if img.ID != images[i/2].id() {
				t.Errorf("%d: %s", i, img.ID)
			}
		})
	}
	wg.Wait()
	path := "/v2/app/blobs/" + images[0].layers[0].Digest.String()
	if n := r.count[path]; n != 1 {
		t.Errorf("the common layer was fetched %d times", n)
	}
	for i, b := range images {
		if n := r.count["/v2/app/blobs/"+b.layers[1].Digest.String()]; n != 1 {
			t.Errorf("the layer of image %d was fetched %d times by two pulls at once", i, n)
		}
	}
	ix, err := image.Read(context.Background(), cfg)
	must(t, err)
	if all, err := ix.All(); err != nil || len(all) != 4 {
		t.Errorf("%d images, %v", len(all), err)
	}
	empty(t, cfg)
}

// TestFullDisk: a layer bomb ends in an error that says so, and the space is free again.
func TestFullDisk(t *testing.T) {
	cfg := setup(t)
	must(t, os.Mkdir(cfg.DataRoot, 0o700))
	testns.Need(t, unix.Mount("tmpfs", cfg.DataRoot, "tmpfs", 0, "size=4m"))
	t.Cleanup(func() { _ = unix.Unmount(cfg.DataRoot, unix.MNT_DETACH) })
	bomb := gz(t, tarOf(t, files{{"small", "1"}, {"bomb", strings.Repeat("\x00", 64<<20)}}))
	_, err := image.Import(context.Background(), cfg, image.ImportOptions{Source: write(t, bomb), Name: "bomb", Streams: quiet(t)})
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), `unpack "bomb"`) || !strings.Contains(errs.Hint(err), "--root") {
		t.Errorf("error %v, hint %q", err, errs.Hint(err))
	}
	nothing(t, cfg)
	var st unix.Statfs_t
	must(t, unix.Statfs(cfg.DataRoot, &st))
	if used := (st.Blocks - st.Bfree) * uint64(st.Bsize); used > 256<<10 {
		t.Errorf("%d bytes are still used", used)
	}
	_, err = image.Import(context.Background(), cfg, image.ImportOptions{Source: write(t, tarOf(t, files{{"small", "1"}})), Name: "small", Streams: quiet(t)})
	must(t, err)
}

// TestManyLayers: more of them than fit into one page of mount options.
func TestManyLayers(t *testing.T) {
	var layers [][]byte
	for i := range 120 {
		layers = append(layers, tarOf(t, files{{fmt.Sprintf("f%d", i), "x"}, {"last", fmt.Sprint(i)}}))
	}
	r := newRegistry(t)
	r.put(t, "1", nil, build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{}, layers...))
	cfg := setup(t)
	img, err := image.Pull(context.Background(), cfg, options(t, r.name("app:1")))
	must(t, err)
	if len(img.Lower) != 120 {
		t.Fatalf("%d layers", len(img.Lower))
	}
	if data, err := os.ReadFile(img.Lower[0] + "/last"); err != nil || string(data) != "119" {
		t.Errorf("topmost: %q, %v", data, err)
	}
	merged := mount(t, img, overlay.Auto)
	if data, err := os.ReadFile(merged + "/last"); err != nil || string(data) != "119" {
		t.Errorf("mounted: %q, %v", data, err)
	}
}

// mount puts an image's layers together as a container has them.
func mount(t *testing.T, img *index.Image, program string) string {
	t.Helper()
	dir := t.TempDir()
	root := overlay.Root{Lower: img.Lower, Program: program, Upper: dir + "/upper", Work: dir + "/work", Target: dir + "/merged"}
	for _, d := range []string{root.Upper, root.Work, root.Target} {
		must(t, os.Mkdir(d, 0o755))
	}
	_, err := overlay.Mount(context.Background(), root)
	testns.Need(t, err)
	t.Cleanup(func() { _ = overlay.Unmount(root.Target) })
	return root.Target
}

// TestMounted: both mount programs show the same of whiteouts, opaque directories, owners,
// modes and hard links.
func TestMounted(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: "bin/su", Typeflag: tar.TypeReg, Mode: 0o4755, Gid: 42, Size: 1},
		{Name: "bin/link", Typeflag: tar.TypeLink, Linkname: "bin/su"},
		{Name: "gone/x", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1},
		{Name: "opaque/old", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1},
		{Name: "anew/old", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1},
		{Name: "dir/file", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1, Uid: 1000, Gid: 1000},
	} {
		must(t, w.WriteHeader(&h))
		_, err := w.Write(make([]byte, h.Size))
		must(t, err)
	}
	must(t, w.Close())
	upper := tarOf(t, files{{".wh.gone", ""}, {"opaque/.wh..wh..opq", ""}, {"opaque/new", "1"}, {".wh.anew", ""}, {"anew/", ""}, {"anew/new", "1"}, {"dir/.wh.file", ""}})
	cfg := setup(t)
	built := build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{}, b.Bytes(), upper)
	_, err := image.Load(context.Background(), cfg, image.LoadOptions{Input: write(t, built.dockerArchive(t, false, "app:1")), Streams: quiet(t)})
	must(t, err)
	img := resolve(t, cfg, "app:1")
	if img.FuseOnly {
		t.Error("this file system should be good enough for the kernel's overlay")
	}
	want := []string{"anew", "anew/new", "bin", "bin/link 104755 0:42 2", "bin/su 104755 0:42 2", "dir", "opaque", "opaque/new"}
	for _, program := range []string{overlay.Native, overlay.Fuse} {
		t.Run(program, func(t *testing.T) {
			merged := mount(t, img, program)
			var got []string
			must(t, filepath.WalkDir(merged, func(path string, d os.DirEntry, err error) error {
				if err != nil || path == merged {
					return err
				}
				name := strings.TrimPrefix(path, merged+"/")
				if strings.HasPrefix(name, "bin/") {
					var st unix.Stat_t
					if err := unix.Lstat(path, &st); err != nil {
						return err
					}
					name += fmt.Sprintf(" %o %d:%d %d", st.Mode, st.Uid, st.Gid, st.Nlink)
				}
				got = append(got, name)
				return nil
			}))
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestRealRegistry pulls from Debian's docker-registry what was pushed by plain HTTP requests.
func TestRealRegistry(t *testing.T) {
	program, err := exec.LookPath("docker-registry")
	testns.Need(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	must(t, listener.Close())
	conf := write(t, fmt.Appendf(nil, "version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n", t.TempDir(), address))
	cmd := exec.Command(program, "serve", conf)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	b := twoLayers(t)
	push(t, "http://"+address, "team/app", "1", b)
	cfg := setup(t)
	img, err := image.Pull(context.Background(), cfg, options(t, address+"/team/app:1"))
	must(t, err)
	check(t, img)
	if _, err = image.Pull(context.Background(), cfg, options(t, address+"/team/none")); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("%v", err)
	}
	_, err = image.Resolve(context.Background(), cfg, address+"/team/none", spec.Platform{})
	if !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// push uploads an image by the distribution specification's requests.
func push(t *testing.T, server, repository, tag string, b *built) {
	t.Helper()
	do := func(method, address, mediaType string, body []byte, want int) http.Header {
		t.Helper()
		q, err := http.NewRequest(method, address, bytes.NewReader(body))
		must(t, err)
		q.Header.Set("Content-Type", mediaType)
		a, err := http.DefaultClient.Do(q)
		must(t, err)
		a.Body.Close()
		if a.StatusCode != want {
			t.Fatalf("%s %s: %s", method, address, a.Status)
		}
		return a.Header
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		if a, err := http.Get(server + "/v2/"); err == nil {
			a.Body.Close()
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	for d, data := range b.blobs {
		if d == b.digest() {
			continue
		}
		at := do(http.MethodPost, server+"/v2/"+repository+"/blobs/uploads/", "", nil, http.StatusAccepted).Get("Location")
		sep := "?"
		if strings.Contains(at, "?") {
			sep = "&"
		}
		do(http.MethodPut, at+sep+"digest="+d.String(), "application/octet-stream", data, http.StatusCreated)
	}
	do(http.MethodPut, server+"/v2/"+repository+"/manifests/"+tag, v1.MediaTypeImageManifest, b.manifest, http.StatusCreated)
}
