package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	storage "go.podman.io/storage"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
)

// NewImage is an image whose layers are in the store.
type NewImage struct {
	// Config and Manifest are as fetched; the image's id is Config's digest.
	Config, Manifest []byte
	// ListDigest is the digest of the manifest list that named Manifest, "" without one.
	ListDigest digest.Digest
	// TopLayer is the id of the last layer, "" for an image without any.
	TopLayer string
	// Names are moved here from images that have them now.
	Names []string
}

// keys under which an image's data is kept: those of the other users of the library.
const keyManifest = "manifest"

func keyConfig(id string) string { return "sha256:" + id }

// AddImage records an image and names it; it gives the id. The names come last: whatever
// happens before leaves the old image in place.
func (s *Store) AddImage(n NewImage) (string, error) {
	id := digest.Canonical.FromBytes(n.Config).Encoded()
	manifestDigest := digest.Canonical.FromBytes(n.Manifest)
	digests := []digest.Digest{manifestDigest}
	if n.ListDigest != "" && n.ListDigest != manifestDigest {
		digests = append(digests, n.ListDigest)
	}
	var config struct {
		Created time.Time `json:"created"`
	}
	// A date that cannot be read is no date: the rest of the configuration counts.
	_ = json.Unmarshal(n.Config, &config)
	img, err := s.lib.Image(id)
	if errors.Is(err, storage.ErrImageUnknown) {
		img, err = s.lib.CreateImage(id, nil, n.TopLayer, "", &storage.ImageOptions{
			CreationDate: config.Created, Digest: manifestDigest, Digests: digests,
		})
		if errors.Is(err, storage.ErrDuplicateID) { // another process was faster
			img, err = s.lib.Image(id)
		}
	}
	if errors.Is(err, storage.ErrLayerUnknown) {
		return "", fmt.Errorf("add image: layer %.12s: %w", n.TopLayer, ErrGone)
	}
	if err != nil {
		return "", fmt.Errorf("add image: %w", err)
	}
	data := []struct {
		key   string
		value []byte
	}{{keyConfig(id), n.Config}, {storage.ImageDigestManifestBigDataNamePrefix + "-" + manifestDigest.String(), n.Manifest}, {keyManifest, n.Manifest}}
	if n.ListDigest != "" {
		data = append(data, struct {
			key   string
			value []byte
		}{keyListDigest, []byte(n.ListDigest)})
	}
	for _, d := range data {
		if have, err := s.lib.ImageBigData(img.ID, d.key); err == nil && slices.Equal(have, d.value) {
			continue
		}
		if err := s.lib.SetImageBigData(img.ID, d.key, d.value, canonical); err != nil {
			return "", fmt.Errorf("add image: %w", err)
		}
	}
	return id, s.addNames(id, n.Names)
}

// keyListDigest holds the digest of the list that an image was chosen from.
const keyListDigest = "rc-list-digest"

func canonical(b []byte) (digest.Digest, error) { return digest.Canonical.FromBytes(b), nil }

func (s *Store) addNames(id string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	if err := s.lib.AddNames(id, names); err != nil {
		return fmt.Errorf("name image %.12s: %w", id, err)
	}
	return nil
}

// AddNames gives an image names, which other images lose.
func (s *Store) AddNames(id string, names ...string) error { return s.addNames(id, names) }

// RemoveNames takes names from an image.
func (s *Store) RemoveNames(id string, names ...string) error {
	if err := s.lib.RemoveNames(id, names); err != nil {
		return fmt.Errorf("unname image %.12s: %w", id, err)
	}
	return nil
}

// HasLayer says whether a layer is in the store, complete.
func (s *Store) HasLayer(id string) bool {
	l, err := s.lib.Layer(id)
	return err == nil && l.Flags["incomplete"] != true
}

// Remove deletes an image, and every layer that no other image has; it gives the layers' ids. The caller holds
// index.Hold exclusively and has looked for containers.
func (s *Store) Remove(id string) ([]string, error) {
	layers, err := s.lib.DeleteImage(id, true)
	if errors.Is(err, storage.ErrImageUnknown) {
		return nil, fmt.Errorf("delete image %.12s: %w", id, errs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("delete image %.12s: %w", id, err)
	}
	return layers, nil
}

// Refresh writes the index anew from what the store has.
func (s *Store) Refresh(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		before, err := index.Current(s.cfg)
		if err != nil {
			return err
		}
		entries, err := s.entries()
		if err != nil {
			return fmt.Errorf("build the image index: %w", err)
		}
		after, err := index.Current(s.cfg)
		if err != nil {
			return err
		}
		if before.Equal(after) {
			return index.Write(s.cfg, after, entries)
		}
	}
}

// entries describes all images that are complete.
func (s *Store) entries() ([]index.Entry, error) {
	images, err := s.lib.Images()
	if err != nil {
		return nil, err
	}
	layers, err := s.lib.Layers()
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*storage.Layer, len(layers))
	for i := range layers {
		byID[layers[i].ID] = &layers[i]
	}
	var out []index.Entry
	for i := range images {
		e, err := s.entry(&images[i], byID)
		if errors.Is(err, errBroken) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b index.Entry) int { return b.Created.Compare(a.Created) })
	return out, nil
}

// errBroken is an image that a killed process did not finish.
var errBroken = errors.New("incomplete image")

func (s *Store) entry(img *storage.Image, layers map[string]*storage.Layer) (index.Entry, error) {
	e := index.Entry{ID: img.ID, Names: img.Names, Digest: index.Digest(img.Digest), Created: img.Created.UTC(), TopLayer: img.TopLayer}
	for _, d := range img.Digests {
		e.Digests = append(e.Digests, index.Digest(d))
	}
	record := &index.Record{LayerIDs: []string{}}
	for id := img.TopLayer; id != ""; {
		l := layers[id]
		if l == nil {
			return e, errBroken
		}
		record.LayerIDs = append(record.LayerIDs, id)
		record.FuseOnly = record.FuseOnly || l.Flags[flagDotWh] == true
		e.Size += max(l.UncompressedSize, 0)
		id = l.Parent
	}
	e.Layers = len(record.LayerIDs)
	raw, err := s.lib.ImageBigData(img.ID, keyConfig(img.ID))
	if err != nil {
		return e, errBroken
	}
	var c ImageConfig
	if err := json.Unmarshal(raw, &c); err != nil {
		return e, errBroken
	}
	if list, err := s.lib.ImageBigData(img.ID, keyListDigest); err == nil {
		if d := digest.Digest(list); d.Validate() == nil && !slices.Contains(e.Digests, index.Digest(d)) {
			e.Digests = append(e.Digests, index.Digest(d))
		}
	}
	e.OS, e.Arch, e.Variant = c.OS, c.Architecture, c.Variant
	if old, err := index.ReadRecord(s.cfg, img.ID); err == nil && slices.Equal(old.LayerIDs, record.LayerIDs) {
		return e, nil
	}
	record.Config, record.Author, record.Comment = c.Config, c.Author, c.Comment
	return e, index.WriteRecord(s.cfg, img.ID, record)
}

// ImageConfig is an image's configuration file: the OCI one, with docker's fields.
type ImageConfig struct {
	v1.Image
	Config  index.Config `json:"config"`
	Comment string       `json:"comment,omitempty"`
}
