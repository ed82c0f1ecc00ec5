package manifest

import (
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/compress"
)

// Types of manifests, as push --format calls them.
const (
	OCI    = image.OCI
	Docker = image.Docker
)

// MaxJSON is the largest manifest or configuration, in bytes: what registries allow (distribution: 4 MiB).
const MaxJSON = 4 << 20

// dockerLayer is docker's type of a plain layer.
const dockerLayer = "application/vnd.docker.image.rootfs.diff.tar"

// TypeOf is which of the two a manifest is.
func TypeOf(m v1.Manifest) string {
	if m.MediaType == DockerManifest || m.MediaType == "" && m.Config.MediaType == DockerConfig {
		return Docker
	}
	return OCI
}

// MediaType is a manifest's own.
func MediaType(kind string) string {
	if kind == Docker {
		return DockerManifest
	}
	return v1.MediaTypeImageManifest
}

// ConfigType is its configuration's.
func ConfigType(kind string) string {
	if kind == Docker {
		return DockerConfig
	}
	return v1.MediaTypeImageConfig
}

// IsConfig says whether a media type is that of an image's configuration.
func IsConfig(mediaType string) bool {
	return mediaType == v1.MediaTypeImageConfig || mediaType == DockerConfig
}

// LayerType is a layer's; docker's manifests know gzip only.
func LayerType(kind string, f compress.Format) (string, error) {
	switch {
	case kind == Docker && f == compress.None:
		return dockerLayer, nil
	case kind == Docker && f == compress.Gzip:
		return dockerLayer + ".gzip", nil
	case kind == Docker:
		return "", errs.WithHint(errs.Unsupportedf("docker's manifests (v2s2) have no layers compressed by %s", f), "--format oci")
	case f == compress.None:
		return v1.MediaTypeImageLayer, nil
	}
	return v1.MediaTypeImageLayer + "+" + string(f), nil
}

// FormatOf is how a layer of a media type is compressed.
func FormatOf(mediaType string) compress.Format {
	switch {
	case strings.HasSuffix(mediaType, "+zstd"):
		return compress.Zstd
	case strings.HasSuffix(mediaType, "gzip"):
		return compress.Gzip
	}
	return compress.None
}
