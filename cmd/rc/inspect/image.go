package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
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
	History      []v1.History
	NamesHistory []string
}

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
		v1.Image
		DockerVersion string `json:"docker_version"`
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
		manifest.MediaType = v1.MediaTypeImageManifest // OCI lets it be left out
	}
	i := &imageInspection{
		ID: e.ID, Digest: e.Digest.String(), RepoTags: []string{}, RepoDigests: []string{}, Comment: img.Comment, Created: e.Created,
		Config: img.Config, Version: full.DockerVersion, Author: img.Author, Architecture: e.Arch, Variant: e.Variant, Os: e.OS,
		Size: e.Size, VirtualSize: e.Size, Labels: img.Config.Labels, Annotations: manifest.Annotations, ManifestType: manifest.MediaType,
		User: img.Config.User, History: full.History, NamesHistory: e.Names,
	}
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
	for _, d := range full.RootFS.DiffIDs {
		i.RootFS.Layers = append(i.RootFS.Layers, d.String())
	}
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
