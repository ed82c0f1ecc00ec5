package worker

import (
	"context"
	"encoding/json"
	"fmt"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/manifest"
	"github.com/rc-containers/rc/pkg/registry"
	"github.com/rc-containers/rc/pkg/store"
)

// look reads a manifest, of the store or of a registry, and says which instances it gives.
func look(ctx context.Context, cfg *config.Config, s *store.Store, o image.LookRequest) (image.Looked, error) {
	if o.ID != "" {
		img, err := s.Stored(o.ID)
		if err != nil {
			return image.Looked{}, err
		}
		i, err := instance(img.Manifest, "", img.Config)
		i.ID = img.ID
		return image.Looked{Manifest: img.Manifest, Instances: []image.Instance{i}}, err
	}
	client, err := registry.New(clientOptions(cfg, o.Registry, newReport(false).Warn))
	if err != nil {
		return image.Looked{}, err
	}
	src, err := client.Open(ctx, o.Name)
	if err != nil {
		return image.Looked{}, err
	}
	defer src.Close() //nolint:errcheck // it closes idle connections
	data, mediaType, err := src.Manifest(ctx, "")
	if err != nil {
		return image.Looked{}, err
	}
	if !json.Valid(data) {
		return image.Looked{}, errs.Invalidf("manifest: it is no JSON but begins with %.40q", data)
	}
	out := image.Looked{Manifest: data}
	if !manifest.IsList(mediaType, data) {
		i, err := remote(ctx, src, data, mediaType)
		out.Instances = []image.Instance{i}
		return out, err
	}
	var list v1.Index
	if err := json.Unmarshal(data, &list); err != nil {
		return out, errs.Invalidf("manifest list: %w", err)
	}
	if o.All {
		out.Instances, err = entries(data, src.Repository())
		return out, err
	}
	chosen, err := manifest.Choose(list.Manifests, o.Platform)
	if err != nil {
		return out, fmt.Errorf("manifest list: %w", err)
	}
	all, err := entries(data, src.Repository())
	for _, i := range all {
		if i.Digest == chosen.Digest.String() {
			out.Instances = []image.Instance{i}
			break
		}
	}
	return out, err
}

// entries are those of a list in a registry.
func entries(data []byte, repository string) ([]image.Instance, error) {
	var list struct {
		Manifests []image.Instance `json:"manifests"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, errs.Invalidf("manifest list: %w", err)
	}
	for i := range list.Manifests {
		list.Manifests[i].ID, list.Manifests[i].Repository = "", repository
	}
	return list.Manifests, nil
}

// remote describes a single image of a registry; the platform is in its configuration.
func remote(ctx context.Context, src *registry.Source, data []byte, mediaType string) (image.Instance, error) {
	var m v1.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return image.Instance{}, errs.Invalidf("manifest: %w", err)
	}
	config, err := small(ctx, src, m.Config)
	if err != nil {
		return image.Instance{}, fmt.Errorf("image configuration: %w", err)
	}
	i, err := instance(data, mediaType, config)
	i.Repository = src.Repository()
	return i, err
}

// instance describes an image by its manifest and configuration.
func instance(data []byte, mediaType string, config []byte) (image.Instance, error) {
	var m v1.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return image.Instance{}, errs.Invalidf("manifest: %w", err)
	}
	if m.MediaType != "" {
		mediaType = m.MediaType
	}
	if mediaType == "" {
		mediaType = manifest.MediaType(manifest.TypeOf(m))
	}
	i := image.Instance{MediaType: mediaType, Digest: digest.FromBytes(data).String(), Size: int64(len(data)), ArtifactType: m.ArtifactType}
	var p struct {
		v1.Platform
	}
	if json.Unmarshal(config, &p) == nil && p.OS != "" {
		i.Platform = &image.InstancePlatform{Arch: p.Architecture, OS: p.OS, OSVersion: p.OSVersion, OSFeatures: p.OSFeatures, Variant: p.Variant}
	}
	return i, nil
}
