package transport

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

// dockerItem is an entry of manifest.json as `docker save` writes it.
type dockerItem struct {
	Config   string   `json:"Config"`
	RepoTags []string `json:"RepoTags"`
	Layers   []string `json:"Layers"`
}

// docker reads an archive of `docker save`, of any version: all of it, or what ref names: NAME[:TAG], or @INDEX.
func (s *Source) docker(ref string) ([]Image, error) {
	var items []dockerItem
	if err := decode(s.files, "manifest.json", &items); err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, errs.Invalidf("manifest.json: it names no image")
	}
	if ref != "" {
		item, err := dockerOne(items, ref)
		if err != nil {
			return nil, err
		}
		items = []dockerItem{item}
	}
	var out []Image
	for _, item := range items {
		f, err := s.dockerImage(item)
		if err != nil {
			return nil, err
		}
		out = append(out, *f)
	}
	return out, nil
}

// dockerOne finds one image of several, with the name that was asked for and no other.
func dockerOne(items []dockerItem, ref string) (dockerItem, error) {
	if number, byIndex := strings.CutPrefix(ref, "@"); byIndex {
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= len(items) {
			return dockerItem{}, errs.Invalidf("%q: want @0 to @%d", ref, len(items)-1)
		}
		return items[i], nil
	}
	want, err := archiveName(ref)
	if err != nil {
		return dockerItem{}, err
	}
	local, err := image.NewName(ref)
	if err != nil {
		return dockerItem{}, err
	}
	var have []string
	for _, item := range items {
		for _, tag := range item.RepoTags {
			if full, err := archiveName(tag); err == nil && (full == want || full == local) {
				item.RepoTags = []string{tag}
				return item, nil
			}
		}
		have = append(have, item.RepoTags...)
	}
	slices.Sort(have)
	return dockerItem{}, fmt.Errorf("image %q: %w; the archive has: %s", ref, errs.ErrNotFound, strings.Join(have, ", "))
}

func (s *Source) dockerImage(item dockerItem) (*Image, error) {
	config, err := read(s.files, item.Config)
	if err != nil {
		return nil, err
	}
	// The file is named after its digest, in both layouts: <digest>.json, blobs/sha256/<digest>.
	name := strings.TrimSuffix(path.Base(item.Config), ".json")
	if got := digest.Canonical.FromBytes(config); len(name) == 64 && got.Encoded() != name {
		return nil, errs.Invalidf("archive member %q: its digest is %s", item.Config, got)
	}
	f := &Image{Config: config}
	for _, tag := range item.RepoTags {
		full, err := archiveName(tag)
		if err != nil {
			return nil, err
		}
		f.Names = append(f.Names, full)
	}
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	m.Config = v1.Descriptor{MediaType: v1.MediaTypeImageConfig, Digest: digest.Canonical.FromBytes(config), Size: int64(len(config))}
	var c struct {
		RootFS v1.RootFS `json:"rootfs"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, errs.Invalidf("archive member %q: %w", item.Config, err)
	}
	for i, layer := range item.Layers {
		l, err := s.layer(layer, "", -1)
		if err != nil {
			return nil, err
		}
		f.Layers = append(f.Layers, l)
		d := v1.Descriptor{MediaType: v1.MediaTypeImageLayer, Size: l.Size}
		if i < len(c.RootFS.DiffIDs) {
			d.Digest = c.RootFS.DiffIDs[i]
		}
		m.Layers = append(m.Layers, d)
	}
	f.Manifest, err = json.Marshal(m)
	return f, err
}
