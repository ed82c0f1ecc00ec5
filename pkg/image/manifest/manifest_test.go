package manifest

import (
	"encoding/json"
	"errors"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

// FuzzManifest feeds manifests and lists as a registry may send them.
func FuzzManifest(f *testing.F) {
	f.Add("", []byte(`{"manifests":[{"platform":{"os":"linux","architecture":"amd64"}}]}`), "amd64", "")
	f.Add(v1.MediaTypeImageManifest, []byte(`{"config":{"mediaType":"x"},"layers":[{}]}`), "arm", "v7")
	f.Fuzz(func(t *testing.T, mediaType string, data []byte, arch, variant string) {
		if IsList(mediaType, data) {
			var ix v1.Index
			if json.Unmarshal(data, &ix) != nil {
				return
			}
			d, err := Choose(ix.Manifests, image.Platform{Arch: arch, Variant: variant})
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
			_ = Runnable(m)
		}
	})
}
