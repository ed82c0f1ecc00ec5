package transport

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rc-containers/rc/pkg/image"
)

// FuzzArchive feeds the JSON of all kinds of archives: errors are fine, anything else has
// layers that lie within the file.
func FuzzArchive(f *testing.F) {
	f.Add("manifest.json", []byte(`[{"Config":"c.json","RepoTags":["a:1"],"Layers":["l"]}]`), []byte(`{"rootfs":{"type":"layers","diff_ids":["sha256:00"]}}`))
	f.Add("index.json", []byte(`{"manifests":[{"digest":"sha256:x"}]}`), []byte(`{}`))
	f.Add("manifest.json", []byte(`[{"Config":"../../etc/passwd","Layers":["loop"]}]`), []byte(`null`))
	f.Add("manifest.json", []byte(`{"schemaVersion":2,"config":{"digest":"sha256:x"},"layers":[{"digest":"../x"}]}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, name string, manifest, config []byte) {
		path := filepath.Join(t.TempDir(), "a")
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, m := range []struct {
			name string
			data []byte
		}{{name, manifest}, {"c.json", config}, {"l", []byte("layer")}} {
			if w.WriteHeader(&tar.Header{Name: m.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(m.data))}) == nil {
				_, _ = w.Write(m.data)
			}
		}
		_ = w.WriteHeader(&tar.Header{Name: "loop", Typeflag: tar.TypeSymlink, Linkname: "loop"})
		_ = w.Close()
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := Open(context.Background(), path, t.TempDir())
		if err != nil {
			return
		}
		defer a.Close()
		images, err := a.Images(image.Platform{})
		if err != nil {
			return
		}
		for _, i := range images {
			for _, l := range i.Layers {
				if l.Size < 0 || l.Size > int64(b.Len()) {
					t.Fatalf("layer of %d bytes in a file of %d", l.Size, b.Len())
				}
			}
		}
	})
}
