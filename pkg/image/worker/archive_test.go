package worker

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

// FuzzArchive feeds the JSON of both kinds of archives: errors are fine, anything else has
// layers that lie within the file.
func FuzzArchive(f *testing.F) {
	f.Add("manifest.json", []byte(`[{"Config":"c.json","RepoTags":["a:1"],"Layers":["l"]}]`), []byte(`{"rootfs":{"type":"layers","diff_ids":["sha256:00"]}}`))
	f.Add("index.json", []byte(`{"manifests":[{"digest":"sha256:x"}]}`), []byte(`{}`))
	f.Add("manifest.json", []byte(`[{"Config":"../../etc/passwd","Layers":["loop"]}]`), []byte(`null`))
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
		a, err := openArchive(context.Background(), path, t.TempDir())
		if err != nil {
			return
		}
		defer a.Close()
		var images []*found
		if name == "manifest.json" {
			images, err = a.docker()
		} else {
			images, err = a.oci(image.Platform{})
		}
		if err != nil {
			return
		}
		for _, i := range images {
			for _, l := range i.layers {
				if l.Size < 0 || l.Size > int64(b.Len()) {
					t.Fatalf("layer of %d bytes in a file of %d", l.Size, b.Len())
				}
			}
			_ = i.check()
		}
	})
}

// FuzzManifest feeds manifests and lists as a registry may send them.
func FuzzManifest(f *testing.F) {
	f.Add("", []byte(`{"manifests":[{"platform":{"os":"linux","architecture":"amd64"}}]}`), "amd64", "")
	f.Add(v1.MediaTypeImageManifest, []byte(`{"config":{"mediaType":"x"},"layers":[{}]}`), "arm", "v7")
	f.Fuzz(func(t *testing.T, mediaType string, data []byte, arch, variant string) {
		if isList(mediaType, data) {
			var ix v1.Index
			if json.Unmarshal(data, &ix) != nil {
				return
			}
			d, err := choose(ix.Manifests, image.Platform{Arch: arch, Variant: variant})
			if err != nil && !errors.Is(err, errs.ErrNotFound) {
				t.Fatal(err)
			}
			if err == nil && d.Platform != nil && arch != "" && d.Platform.Architecture != arch {
				t.Fatalf("asked for %q, got %q", arch, d.Platform.Architecture)
			}
			return
		}
		var m v1.Manifest
		if json.Unmarshal(data, &m) == nil {
			_ = runnable(m)
		}
	})
}

func TestChainIDs(t *testing.T) {
	// The example of image-spec's config.md, computed with sha256sum.
	blobs := []blob{{DiffID: "sha256:c6f988f4874bb0add23a778f753c65efe992244e148a1d2ec2a8b664fb66bbd1"}, {DiffID: "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"}}
	want := []string{"c6f988f4874bb0add23a778f753c65efe992244e148a1d2ec2a8b664fb66bbd1", "c3191d32a37d7159b2e30830937d2e30268ad6c375a773a8994911a3aba9b93f"}
	if d := cmp.Diff(want, chainIDs(blobs)); d != "" {
		t.Error(d)
	}
}
