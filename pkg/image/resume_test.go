package image_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

// large is an image with one layer that gzip cannot make small, and the digest of that.
func large(t testing.TB) (*built, digest.Digest) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 2<<20)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	b := build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{}, tarOf(t, files{{"big", string(data)}}))
	return b, b.layers[0].Digest
}

// parts are the files of what has arrived of layers.
func parts(t *testing.T, cfg *config.Config) []string {
	t.Helper()
	names, err := filepath.Glob(cfg.StorageRoot() + "/fetching/*.part")
	must(t, err)
	return names
}

// served is a registry that sends of a blob what limit says of the nth request for it, and then nothing more. Ranges
// are heeded unless deaf.
type served struct {
	*registry
	data   []byte
	limit  func(nth int) int
	deaf   bool
	status int      // of the answer to a range, 0: 206
	asked  []string // the ranges
	sent   []int
	cut    bool // close the connection at the limit
	held   chan struct{}
}

func newServed(t *testing.T) (*served, *built) {
	t.Helper()
	b, d := large(t)
	s := &served{registry: newRegistry(t), data: b.blobs[d], limit: func(int) int { return 1 << 30 }, held: make(chan struct{}, 99)}
	s.put(t, "1", nil, b)
	s.odd = func(w http.ResponseWriter, q *http.Request, nth int) bool {
		if !strings.Contains(q.URL.Path, d.String()) {
			return false
		}
		s.serve(w, q, nth)
		return true
	}
	return s, b
}

func (s *served) serve(w http.ResponseWriter, q *http.Request, nth int) {
	from := 0
	s.mu.Lock()
	s.asked = append(s.asked, q.Header.Get("Range"))
	s.mu.Unlock()
	if n, err := fmt.Sscanf(q.Header.Get("Range"), "bytes=%d-", &from); n == 1 && err == nil && !s.deaf {
		if s.status != 0 {
			w.WriteHeader(s.status)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(s.data)-1, len(s.data)))
	} else {
		from = 0
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(s.data)-from))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	n := min(s.limit(nth), len(s.data)-from)
	_, _ = w.Write(s.data[from : from+n])
	s.mu.Lock()
	s.sent = append(s.sent, n)
	s.mu.Unlock()
	if from+n < len(s.data) {
		_ = http.NewResponseController(w).Flush()
		s.held <- struct{}{}
		if s.cut {
			panic(http.ErrAbortHandler)
		}
		<-q.Context().Done()
	}
}

// killed starts a pull, and kills the worker when the registry has stopped and some of it is on disk.
func killed(t *testing.T, cfg *config.Config, s *served) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := image.Pull(context.Background(), cfg, options(t, s.name("app:1")))
		done <- err
	}()
	<-s.held
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		files := parts(t, cfg)
		if len(files) == 1 {
			if info, err := os.Stat(files[0]); err == nil && info.Size() >= 1<<20-64<<10 {
				break
			}
		}
		if time.Now().After(end) {
			t.Fatalf("nothing was kept: %v", files)
		}
	}
	for _, pid := range workers(t) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	if err := <-done; err == nil {
		t.Fatal("it was not killed")
	}
}

// TestResumeKilled: what had arrived before kill -9 is not fetched again, whatever the registry makes of a range;
// if it is damaged, it is.
func TestResumeKilled(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *served)
		damage func(path string) error
		again  bool // all of it has to come again
	}{
		{"206", func(*served) {}, nil, false},
		{"200 instead", func(s *served) { s.deaf = true }, nil, true},
		{"416", func(s *served) { s.status = http.StatusRequestedRangeNotSatisfiable }, nil, true},
		{"400", func(s *served) { s.status = http.StatusBadRequest }, nil, true},
		{"zeros after a power cut", func(*served) {}, func(path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) }, true},
		{"longer than the blob", func(*served) {}, func(path string) error { return os.Truncate(path, 3<<20) }, true},
		{"complete, but wrong", func(s *served) {}, func(path string) error { return os.Truncate(path, 0) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := setup(t)
			s, b := newServed(t)
			s.limit = func(nth int) int { return 1 << 20 }
			killed(t, cfg, s)
			c.change(s)
			s.limit = func(int) int { return 1 << 30 }
			file := parts(t, cfg)[0]
			if c.damage != nil {
				must(t, c.damage(file))
			}
			if c.name == "complete, but wrong" {
				must(t, os.Truncate(file, int64(len(s.data))))
			}
			info, err := os.Stat(file)
			must(t, err)
			kept := int(info.Size())
			s.asked, s.sent = nil, nil
			img, err := image.Pull(context.Background(), cfg, options(t, s.name("app:1")))
			must(t, err)
			if img.ID != b.id() {
				t.Errorf("another image: %s", img.ID)
			}
			all := 0
			for _, n := range s.sent {
				all += n
			}
			if !c.again && (all != len(s.data)-kept || s.asked[0] != fmt.Sprintf("bytes=%d-", kept)) {
				t.Errorf("with %d of %d bytes here, %d were fetched by %q", kept, len(s.data), all, s.asked)
			} else if c.again && all < len(s.data) {
				t.Errorf("%d of %d bytes were fetched", all, len(s.data))
			}
			if left := parts(t, cfg); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			empty(t, cfg)
		})
	}
}

// TestResumeBroken: connections that break again and again cost no byte twice.
func TestResumeBroken(t *testing.T) {
	cfg := setup(t)
	s, _ := newServed(t)
	s.limit = func(int) int { return 600 << 10 }
	s.cut = true
	o := options(t, s.name("app:1"))
	_, err := image.Pull(context.Background(), cfg, o)
	must(t, err)
	all := 0
	for _, n := range s.sent {
		all += n
	}
	if len(s.sent) < 4 || all > len(s.data)+256<<10 {
		t.Errorf("%d bytes for %d, in %v", all, len(s.data), s.sent)
	}
}

// TestSilence: a registry that stops without closing the connection is asked again.
func TestSilence(t *testing.T) {
	cfg := setup(t)
	s, _ := newServed(t)
	s.limit = func(nth int) int {
		if nth == 1 {
			return 1 << 20
		}
		return 1 << 30
	}
	o := options(t, s.name("app:1"))
	o.Registry.Stall = 200 * time.Millisecond
	_, err := image.Pull(context.Background(), cfg, o)
	must(t, err)
	if len(s.asked) != 2 || s.sent[1] >= len(s.data) {
		t.Errorf("asked %q, sent %v", s.asked, s.sent)
	}
	// For ever: it is told, and what came is kept.
	cfg = setup(t)
	s, _ = newServed(t)
	s.limit = func(nth int) int { return map[bool]int{true: 300 << 10}[nth == 1] }
	o = options(t, s.name("app:1"))
	o.Registry.Stall, o.Registry.Retry = 100*time.Millisecond, 1
	if _, err = image.Pull(context.Background(), cfg, o); err == nil || !strings.Contains(err.Error(), "sent nothing for 100ms") {
		t.Errorf("%v", err)
	}
	if left := parts(t, cfg); len(left) != 1 {
		t.Errorf("kept: %v", left)
	}
	// Removing another image keeps it, a prune does not; nor does it stay for ever.
	_, err = image.Remove(context.Background(), cfg, image.RemoveOptions{All: true})
	must(t, err)
	if left := parts(t, cfg); len(left) != 1 {
		t.Errorf("kept after rmi: %v", left)
	}
	_, err = image.Remove(context.Background(), cfg, image.RemoveOptions{Remains: true})
	must(t, err)
	if left := parts(t, cfg); len(left) != 0 {
		t.Errorf("left after a prune: %v", left)
	}
}

// TestPartAges: what nobody comes back for goes.
func TestPartAges(t *testing.T) {
	cfg := setup(t)
	dir := cfg.StorageRoot() + "/fetching/"
	must(t, os.MkdirAll(dir, 0o700))
	for name, age := range map[string]time.Duration{"old": 8 * 24 * time.Hour, "new": 6 * 24 * time.Hour} {
		must(t, os.WriteFile(dir+name+".part", []byte("x"), 0o600))
		at := time.Now().Add(-age)
		must(t, os.Chtimes(dir+name+".part", at, at))
	}
	must(t, image.Refresh(context.Background(), cfg))
	left := parts(t, cfg)
	if len(left) != 1 || filepath.Base(left[0]) != "new.part" {
		t.Errorf("left: %v", left)
	}
}

// TestRedirects: a registry that sends us from one place to the next for ever.
func TestRedirects(t *testing.T) {
	for _, path := range []string{"/manifests/", "/blobs/"} {
		cfg := setup(t)
		r := newRegistry(t)
		r.put(t, "1", nil, twoLayers(t))
		r.odd = func(w http.ResponseWriter, q *http.Request, nth int) bool {
			if !strings.Contains(q.URL.Path, path) {
				return false
			}
			http.Redirect(w, q, fmt.Sprintf("%s?%d", q.URL.Path, nth), http.StatusTemporaryRedirect)
			return true
		}
		_, err := image.Pull(context.Background(), cfg, options(t, r.name("app:1")))
		if err == nil || !strings.Contains(err.Error(), "10 redirects") || !strings.Contains(errs.Hint(err), "proxy") {
			t.Errorf("%s: %v, hint %q", path, err, errs.Hint(err))
		}
		nothing(t, cfg)
	}
}
