package worker

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/manifest"
)

// Media types of layers: docker's, and what OCI calls the same.
const (
	dockerLayer     = "application/vnd.docker.image.rootfs.diff.tar"
	dockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	dockerLayerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd"
)

// creationTime is that of an image made now, or of SOURCE_DATE_EPOCH
// (https://reproducible-builds.org/specs/source-date-epoch/).
func creationTime() (time.Time, error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now().UTC(), nil
	}
	var sec int64
	if _, err := fmt.Sscan(epoch, &sec); err != nil {
		return time.Time{}, errs.Invalidf("SOURCE_DATE_EPOCH %q: want seconds since 1970", epoch)
	}
	return time.Unix(sec, 0).UTC(), nil
}

// WriteManifest writes the manifest of an image that is made here. Layers without a media type are
// not compressed; those of another format get the type that they have in this one. Only OCI's has annotations.
func WriteManifest(format string, config []byte, layers []v1.Descriptor, annotations map[string]string) ([]byte, error) {
	m := v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, Layers: slices.Clone(layers), Annotations: annotations,
		Config: v1.Descriptor{MediaType: v1.MediaTypeImageConfig, Digest: digest.Canonical.FromBytes(config), Size: int64(len(config))},
	}
	if format == image.FormatDocker {
		m.MediaType, m.Config.MediaType, m.Annotations = manifest.DockerManifest, manifest.DockerConfig, nil
	}
	for i := range m.Layers {
		m.Layers[i].MediaType = layerType(format, m.Layers[i].MediaType)
	}
	return json.Marshal(m)
}

// layerType is the media type of a layer in a format.
func layerType(format, was string) string {
	docker := format == image.FormatDocker
	choose := func(ociType, dockerType string) string {
		if docker {
			return dockerType
		}
		return ociType
	}
	switch {
	case strings.HasSuffix(was, "gzip"):
		return choose(v1.MediaTypeImageLayerGzip, dockerLayerGzip)
	case strings.HasSuffix(was, "zstd"):
		return choose(v1.MediaTypeImageLayerZstd, dockerLayerZstd)
	}
	return choose(v1.MediaTypeImageLayer, dockerLayer)
}
