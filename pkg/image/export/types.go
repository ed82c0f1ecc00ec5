package export

import (
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/compress"
)

// Media types of docker's manifest version 2, schema 2.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerLayer    = "application/vnd.docker.image.rootfs.diff.tar"
)

// typeOf is which of the two a manifest is.
func typeOf(m v1.Manifest) string {
	if m.MediaType == dockerManifest || m.MediaType == "" && m.Config.MediaType == dockerConfig {
		return Docker
	}
	return OCI
}

func manifestType(kind string) string {
	if kind == Docker {
		return dockerManifest
	}
	return v1.MediaTypeImageManifest
}

func configType(kind string) string {
	if kind == Docker {
		return dockerConfig
	}
	return v1.MediaTypeImageConfig
}

func layerType(kind string, f compress.Format) (string, error) {
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

// formatOf is how a layer of a media type is compressed.
func formatOf(mediaType string) compress.Format {
	switch {
	case strings.HasSuffix(mediaType, "+zstd"):
		return compress.Zstd
	case strings.HasSuffix(mediaType, "gzip"):
		return compress.Gzip
	}
	return compress.None
}
