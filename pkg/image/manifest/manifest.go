package manifest

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/spec"
)

// Media types of docker's registry, manifest version 2, schema 2.
const (
	DockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	DockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	DockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerForeign  = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
)

// Native is this machine's architecture.
func Native() string { return runtime.GOARCH }

// IsList says whether a manifest is a list of manifests, by its type or, where that is
// missing, by what is in it.
func IsList(mediaType string, data []byte) bool {
	switch mediaType {
	case v1.MediaTypeImageIndex, DockerList:
		return true
	case v1.MediaTypeImageManifest, DockerManifest:
		return false
	}
	var m struct {
		MediaType string          `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
		Config    json.RawMessage `json:"config"`
	}
	if json.Unmarshal(data, &m) != nil {
		return false
	}
	return m.MediaType == v1.MediaTypeImageIndex || m.MediaType == DockerList || m.Manifests != nil && m.Config == nil
}

// Runnable refuses manifests of other things than images: charts, signatures, artifacts.
func Runnable(m v1.Manifest) error {
	switch m.Config.MediaType {
	case v1.MediaTypeImageConfig, DockerConfig, "":
	default:
		return errs.Unsupportedf("it is no image to be run but has a configuration of type %q", m.Config.MediaType)
	}
	for i, l := range m.Layers {
		if len(l.URLs) > 0 && l.MediaType == dockerForeign {
			return errs.Unsupportedf("layer %d is a foreign one, of Windows images", i+1)
		}
		if strings.HasSuffix(l.MediaType, "+encrypted") {
			return errs.Unsupportedf("layer %d is encrypted", i+1)
		}
	}
	return nil
}

// Choose picks the manifest for a platform; what it leaves empty is this machine's. The
// error lists what there is.
func Choose(manifests []v1.Descriptor, p spec.Platform) (v1.Descriptor, error) {
	want := p
	if want.OS == "" {
		want.OS = "linux"
	}
	if want.Arch == "" {
		want.Arch = Native()
	}
	var best *v1.Descriptor
	var have []string
	rank := len(variants(want)) + 1
	for i := range manifests {
		m := &manifests[i]
		if m.Platform == nil {
			// A list of one without a platform is what some tools write for a single image.
			if len(manifests) == 1 {
				return *m, nil
			}
			continue
		}
		if m.Platform.OS == "unknown" {
			continue // attestations of buildkit
		}
		here := spec.Platform{OS: m.Platform.OS, Arch: m.Platform.Architecture, Variant: m.Platform.Variant}
		have = append(have, image.Describe(here))
		if here.OS != want.OS || here.Arch != want.Arch {
			continue
		}
		if r := slices.Index(variants(want), here.Variant); r >= 0 && r < rank {
			best, rank = m, r
		}
	}
	if best != nil {
		return *best, nil
	}
	if len(have) == 0 {
		have = []string{"none"}
	}
	slices.Sort(have)
	return v1.Descriptor{}, fmt.Errorf("%w for %s; available: %s", errs.ErrNotFound, image.Describe(want), strings.Join(slices.Compact(have), ", "))
}

// variants are the variants that will do, best first. Without a wish, those that this
// architecture's Go binaries can be sure of come before none.
func variants(p spec.Platform) []string {
	if p.Variant != "" {
		switch {
		case p.Arch == "arm" && p.Variant == "v7":
			return []string{"v7", "v6", "v5", ""}
		case p.Arch == "arm" && p.Variant == "v6":
			return []string{"v6", "v5", ""}
		case p.Arch == "arm64" && p.Variant == "v8":
			return []string{"v8", ""}
		case p.Arch == "amd64" && p.Variant == "v1":
			return []string{"v1", ""}
		}
		return []string{p.Variant}
	}
	switch p.Arch {
	case "arm":
		return []string{"v7", "v6", "v5", "", "v8"}
	case "arm64":
		return []string{"v8", "", "v9"}
	case "amd64":
		return []string{"", "v1", "v2"}
	}
	return []string{""}
}
