package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"
)

// slowRegistry serves one image, whatever its name, its address in $REGISTRY. Half of the last layer
// comes, then nothing more: a file "held" says so. With a file "go" all of it comes.
func slowRegistry(ts *testscript.TestScript, layers []string) error {
	p, err := newPicture(ts.Getenv("ARCHIVE"), layers)
	if err != nil {
		return err
	}
	manifest, list := p.blobs(true)
	last := digest.FromBytes(list[len(list)-1]).String()
	blobs := map[string][]byte{}
	for _, data := range list {
		blobs[digest.FromBytes(data).String()] = data
	}
	held, release := ts.MkAbs("held"), ts.MkAbs("go")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		data, known := blobs[name]
		switch {
		case strings.Contains(r.URL.Path, "/manifests/"):
			w.Header().Set("Content-Type", v1.MediaTypeImageManifest)
			w.Header().Set("Docker-Content-Digest", digest.FromBytes(manifest).String())
			_, _ = w.Write(manifest)
		case !strings.Contains(r.URL.Path, "/blobs/"): // /v2/
		case !known:
			http.NotFound(w, r)
		default:
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			if _, err := os.Stat(release); name != last || err == nil {
				_, _ = w.Write(data)
				return
			}
			_, _ = w.Write(data[:len(data)/2])
			_ = http.NewResponseController(w).Flush()
			_ = os.WriteFile(held, nil, 0o644)
			<-r.Context().Done()
		}
	}))
	ts.Defer(server.Close)
	ts.Setenv("REGISTRY", strings.TrimPrefix(server.URL, "http://"))
	return nil
}
