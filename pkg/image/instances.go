package image

import (
	"context"
	"encoding/json"

	"github.com/rc-containers/rc/pkg/config"
)

// Instance is one image of a manifest list: an entry of its manifests, and where rc has it from.
type Instance struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Platform     *InstancePlatform `json:"platform,omitempty"`
	// ID is the image in rc's store, "" for one in a registry.
	ID string `json:"rc-id,omitempty"`
	// Repository is where the manifest is.
	Repository string `json:"rc-repository,omitempty"`
}

// InstancePlatform is the platform that an entry names: OCI's, and docker's features.
type InstancePlatform struct {
	Arch       string   `json:"architecture"`
	OS         string   `json:"os"`
	OSVersion  string   `json:"os.version,omitempty"`
	OSFeatures []string `json:"os.features,omitempty"`
	Variant    string   `json:"variant,omitempty"`
	Features   []string `json:"features,omitempty"`
}

// LookRequest asks for the manifest of an image in the store (ID), or in a registry (Name).
type LookRequest struct {
	ID       string   `json:"id,omitempty"`
	Name     string   `json:"name,omitempty"`
	All      bool     `json:"all,omitempty"` // of a list, every image
	Platform Platform `json:"platform"`
	Registry Registry `json:"registry"`
}

// Looked is what there is: the manifest's bytes, and the instances that a list would name.
type Looked struct {
	Manifest  json.RawMessage `json:"manifest"`
	Instances []Instance      `json:"instances"`
}

// Look reads a manifest and describes what it stands for.
func Look(ctx context.Context, cfg *config.Config, o LookRequest, s Streams) (*Looked, error) {
	var l Looked
	err := call(ctx, cfg, VerbLook, o, &l, s)
	return &l, err
}

// ListPush is a manifest list on its way out.
type ListPush struct {
	Instances   []Instance        `json:"instances"`
	Annotations map[string]string `json:"annotations,omitempty"`
	To          Location          `json:"to"`
	Type        string            `json:"type,omitempty"` // oci or v2s2
	// Bare sends the list without its images.
	Bare     bool     `json:"bare,omitempty"`
	Pack     string   `json:"compression,omitempty"`
	Level    *int     `json:"level,omitempty"`
	Quiet    bool     `json:"quiet,omitempty"`
	Registry Registry `json:"registry"`
	Streams  Streams  `json:"-"`
}

// PushList sends a manifest list, and its images before it; it gives the list's digest.
func PushList(ctx context.Context, cfg *config.Config, o ListPush) (Pushed, error) {
	var p Pushed
	err := call(ctx, cfg, VerbPushList, o, &p, o.Streams)
	return p, err
}

// Media types of manifest lists.
const (
	MediaTypeIndex      = "application/vnd.oci.image.index.v1+json"
	MediaTypeDockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// Types of manifests, as push --format calls them.
const (
	OCI    = "oci"
	Docker = "v2s2"
)

// ListJSON writes a manifest list: OCI's, or docker's (v2s2), which has features and no annotations.
func ListJSON(kind string, instances []Instance, annotations map[string]string) ([]byte, error) {
	list := struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Manifests     []Instance        `json:"manifests"`
		Annotations   map[string]string `json:"annotations,omitempty"`
	}{SchemaVersion: 2, MediaType: MediaTypeIndex, Manifests: []Instance{}, Annotations: annotations}
	if kind == Docker {
		list.MediaType, list.Annotations = MediaTypeDockerList, nil
	}
	for _, i := range instances {
		i.ID, i.Repository = "", ""
		if i.Platform != nil {
			p := *i.Platform
			if kind != Docker {
				p.Features = nil
			}
			i.Platform = &p
		}
		if kind == Docker {
			i.Annotations, i.ArtifactType = nil, ""
		}
		list.Manifests = append(list.Manifests, i)
	}
	return json.MarshalIndent(list, "", "    ")
}
