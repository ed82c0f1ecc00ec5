package image_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/image"
)

// registry speaks as much of the distribution specification as a pull needs, and misbehaves on demand.
type registry struct {
	*httptest.Server
	mu    sync.Mutex
	blobs map[digest.Digest][]byte
	tags  map[string]digest.Digest
	types map[digest.Digest]string
	count map[string]int // requests by path
	// odd answers a request in its own way; false leaves it to the registry.
	odd func(w http.ResponseWriter, r *http.Request, nth int) bool
}

func newRegistry(t testing.TB) *registry {
	t.Helper()
	r := &registry{blobs: map[digest.Digest][]byte{}, tags: map[string]digest.Digest{}, types: map[digest.Digest]string{}, count: map[string]int{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	r.count[q.URL.Path]++
	nth, odd := r.count[q.URL.Path], r.odd
	r.mu.Unlock()
	if odd != nil && odd(w, q, nth) {
		return
	}
	parts := strings.Split(q.URL.Path, "/")
	last := parts[len(parts)-1]
	switch {
	case q.URL.Path == "/v2/":
	case strings.HasSuffix(q.URL.Path, "/tags/list"):
		var tags []string
		for tag := range r.tags {
			tags = append(tags, tag)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"name": "x", "tags": tags})
	case strings.Contains(q.URL.Path, "/manifests/"):
		d, ok := r.tags[last]
		if !ok {
			d = digest.Digest(last)
		}
		data, ok := r.blobs[d]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
			return
		}
		w.Header().Set("Content-Type", r.types[d])
		w.Header().Set("Docker-Content-Digest", d.String())
		_, _ = w.Write(data)
	case strings.Contains(q.URL.Path, "/blobs/"):
		data, ok := r.blobs[digest.Digest(last)]
		if !ok {
			http.NotFound(w, q)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data)
	default:
		http.NotFound(w, q)
	}
}

// put adds images under a tag: one, or a list of several.
func (r *registry) put(t testing.TB, tag string, platforms []v1.Platform, images ...*built) digest.Digest {
	t.Helper()
	ix := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	for i, b := range images {
		maps.Copy(r.blobs, b.blobs)
		r.types[b.digest()] = v1.MediaTypeImageManifest
		r.tags[tag] = b.digest()
		m := v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: b.digest(), Size: int64(len(b.manifest))}
		if platforms != nil {
			m.Platform = &platforms[i]
		}
		ix.Manifests = append(ix.Manifests, m)
	}
	if platforms == nil {
		return r.tags[tag]
	}
	data, err := json.Marshal(ix)
	must(t, err)
	d := digest.FromBytes(data)
	r.blobs[d], r.types[d], r.tags[tag] = data, v1.MediaTypeImageIndex, d
	return d
}

func (r *registry) name(rest string) string { return strings.TrimPrefix(r.URL, "http://") + "/" + rest }

// fetched counts how often blobs were asked for.
func (r *registry) fetched() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for path, times := range r.count {
		if strings.Contains(path, "/blobs/") {
			n += times
		}
	}
	return n
}

// options are for a registry without TLS, and impatient.
func options(t testing.TB, name string) image.PullOptions {
	t.Helper()
	insecure := false
	return image.PullOptions{Image: name, Registry: image.Registry{TLSVerify: &insecure, Retry: 5, RetryDelay: 10 * time.Millisecond}, Streams: quiet(t)}
}
