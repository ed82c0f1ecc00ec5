package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
)

// imageInspection is what inspect shows of an image, with podman's names.
type imageInspection struct {
	ID           string `json:"Id"`
	Digest       string
	RepoTags     []string
	RepoDigests  []string
	Parent       string
	Comment      string
	Created      time.Time
	Config       index.Config
	Version      string
	Author       string
	Architecture string
	Variant      string `json:",omitempty"`
	Os           string
	Size         int64
	VirtualSize  int64
	GraphDriver  struct {
		Name string
		Data map[string]string
	}
	RootFS struct {
		Type   string
		Layers []string
	}
	Labels       map[string]string
	Annotations  map[string]string
	ManifestType string
	User         string
	History      []imageHistory
	NamesHistory []string
	Healthcheck  json.RawMessage `json:",omitempty"`
}

// imageHistory is a step by which an image was built (image-spec, config.md).
type imageHistory struct {
	Created    *time.Time `json:"created,omitempty"`
	CreatedBy  string     `json:"created_by,omitempty"`
	Author     string     `json:"author,omitempty"`
	Comment    string     `json:"comment,omitempty"`
	EmptyLayer bool       `json:"empty_layer,omitempty"`
}

// ociManifest is the media type of an image's manifest that names none.
const ociManifest = "application/vnd.oci.image.manifest.v1+json"

// inspectImage reads an image's index record and its raw configuration; neither opens
// the store.
func inspectImage(cfg *config.Config, ix *index.Index, e index.Entry) (*imageInspection, error) {
	img, err := ix.Load(e)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errs.ErrInvalid) {
		return nil, errs.WithHint(fmt.Errorf("inspect image %s: %w", e.ID[:12], err), "rc images (which builds the index anew)")
	}
	if err != nil {
		return nil, fmt.Errorf("inspect image %s: %w", e.ID[:12], err)
	}
	rawConfig, rawManifest, err := index.Raw(cfg, e.ID)
	if err != nil {
		return nil, err
	}
	var full struct {
		DockerVersion string         `json:"docker_version"`
		History       []imageHistory `json:"history"`
		RootFS        struct {
			Type    string   `json:"type"`
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(rawConfig, &full); err != nil {
		return nil, errs.Invalidf("inspect image %s: configuration: %w", e.ID[:12], err)
	}
	var manifest struct {
		MediaType   string            `json:"mediaType"`
		Annotations map[string]string `json:"annotations"`
	}
	if err := json.Unmarshal(rawManifest, &manifest); err != nil {
		return nil, errs.Invalidf("inspect image %s: manifest: %w", e.ID[:12], err)
	}
	if manifest.MediaType == "" {
		manifest.MediaType = ociManifest // OCI lets it be left out
	}
	i := &imageInspection{
		ID: e.ID, Digest: e.Digest.String(), RepoTags: []string{}, RepoDigests: []string{}, Comment: img.Comment, Created: e.Created,
		Config: img.Config, Version: full.DockerVersion, Author: img.Author, Architecture: e.Arch, Variant: e.Variant, Os: e.OS,
		Size: e.Size, VirtualSize: e.Size, Labels: img.Config.Labels, Annotations: manifest.Annotations, ManifestType: manifest.MediaType,
		User: img.Config.User, History: full.History, NamesHistory: e.PastNames(), Healthcheck: img.Config.Healthcheck,
	}
	entries, err := ix.All()
	if err != nil {
		return nil, err
	}
	i.Parent = image.Parent(image.Tops(entries), img)
	for _, name := range e.Names {
		repo, _, byDigest := strings.Cut(name, "@")
		if !byDigest {
			i.RepoTags = append(i.RepoTags, name)
			if tag := strings.LastIndexByte(name, ':'); tag > strings.LastIndexByte(name, '/') {
				repo = name[:tag]
			}
		}
		for _, d := range e.Digests {
			i.RepoDigests = appendNew(i.RepoDigests, repo+"@"+d.String())
		}
	}
	i.RootFS.Type = full.RootFS.Type
	i.RootFS.Layers = full.RootFS.DiffIDs
	i.GraphDriver.Name = "overlay"
	i.GraphDriver.Data = map[string]string{}
	if len(img.Lower) > 0 {
		i.GraphDriver.Data["UpperDir"] = img.Lower[0]
	}
	if len(img.Lower) > 1 {
		i.GraphDriver.Data["LowerDir"] = strings.Join(img.Lower[1:], ":")
	}
	return i, nil
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
