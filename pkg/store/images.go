package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	storage "go.podman.io/storage"

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
// happens before leaves the old image in place. What is recorded survives a power cut.
func (s *Store) AddImage(ctx context.Context, n NewImage) (string, error) {
	if err := s.SyncTo(ctx, n.TopLayer); err != nil {
		return "", err
	}
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
	if err == nil && img.TopLayer == "" && n.TopLayer != "" {
		img, err = s.giveLayers(ctx, id, n.TopLayer)
	}
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
		// A file that is in no list was left by a process that was killed in between.
		if slices.Contains(img.BigDataNames, d.key) {
			if have, err := s.lib.ImageBigData(img.ID, d.key); err == nil && slices.Equal(have, d.value) {
				continue
			}
		}
		if err := s.lib.SetImageBigData(img.ID, d.key, d.value, canonical); err != nil {
			return "", fmt.Errorf("add image: %w", err)
		}
	}
	return id, s.addNames(id, n.Names)
}

// giveLayers puts an image on record anew whose record has no layers; what it was called it is still.
func (s *Store) giveLayers(ctx context.Context, id, top string) (*storage.Image, error) {
	lock, err := s.lockCommits(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	img, err := s.lib.Image(id)
	if err != nil || img.TopLayer != "" { // somebody else has done it
		return img, err
	}
	if err := s.lib.Delete(id); err != nil {
		return nil, err
	}
	return s.lib.CreateImage(id, img.Names, top, "", &storage.ImageOptions{CreationDate: img.Created, Digest: img.Digest, Digests: img.Digests})
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

// HasLayer says whether a layer is in the store, complete. One whose files have gone is not, nor one of which
// nobody knows whether all of it reached the disk before a power cut.
func (s *Store) HasLayer(id string) bool {
	l, err := s.lib.Layer(id)
	return err == nil && l.Flags["incomplete"] != true && s.hasFiles(id) && !s.doubtful(id)
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
		entries, broken, err := s.entries()
		if err != nil {
			return fmt.Errorf("build the image index: %w", err)
		}
		after, err := index.Current(s.cfg)
		if err != nil {
			return err
		}
		if before.Equal(after) {
			return errors.Join(index.Write(s.cfg, after, entries, broken), s.keep())
		}
	}
}

// entries describes all images that are complete, and says what is wrong with the others.
func (s *Store) entries() (out []index.Entry, broken []index.Broken, err error) {
	images, err := s.lib.Images()
	if err != nil {
		return nil, nil, err
	}
	layers, err := s.lib.Layers()
	if err != nil {
		return nil, nil, err
	}
	byID := make(map[string]*storage.Layer, len(layers))
	for i := range layers {
		byID[layers[i].ID] = &layers[i]
	}
	for i := range images {
		img := &images[i]
		e, err := s.entry(img, byID)
		if problem, ok := errors.AsType[*brokenError](err); ok {
			// What a killed pull has begun is nobody's image yet.
			if len(img.Names) > 0 {
				broken = append(broken, index.Broken{ID: img.ID, Names: img.Names, Problem: problem.text})
			}
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b index.Entry) int { return b.Created.Compare(a.Created) })
	return out, broken, nil
}

// finished says whether a process that added an image got as far as its manifest, which comes last but
// for the names.
func finished(img *storage.Image) bool { return slices.Contains(img.BigDataNames, keyManifest) }

// brokenError is about an image that lacks something: damaged, or not finished by a killed process.
type brokenError struct{ text string }

func (b *brokenError) Error() string { return b.text }

func brokenf(format string, args ...any) error { return &brokenError{fmt.Sprintf(format, args...)} }

func (s *Store) entry(img *storage.Image, layers map[string]*storage.Layer) (index.Entry, error) {
	e := index.Entry{ID: img.ID, Names: img.Names, Digest: index.Digest(img.Digest), Created: img.Created.UTC(), TopLayer: img.TopLayer}
	if !slices.Equal(img.Names, img.NamesHistory) {
		e.NamesHistory = img.NamesHistory
	}
	for _, d := range img.Digests {
		e.Digests = append(e.Digests, index.Digest(d))
	}
	record, err := s.stack(img, layers)
	if err != nil {
		return e, err
	}
	for _, size := range record.Sizes {
		e.Size += size
	}
	e.Layers = len(record.LayerIDs)
	raw, err := s.lib.ImageBigData(img.ID, keyConfig(img.ID))
	if err != nil {
		return e, brokenf("its configuration is not there")
	}
	if !finished(img) {
		return e, brokenf("its manifest is not there")
	}
	var c ImageConfig
	if err := json.Unmarshal(raw, &c); err != nil {
		return e, brokenf("its configuration is damaged")
	}
	if missing := missingLayers(c.RootFS.DiffIDs, len(record.LayerIDs)); missing != "" {
		return e, brokenf("%s", missing)
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

// missingLayers says so if an image has more layers than are here.
func missingLayers(all []digest.Digest, here int) string {
	if here >= len(all) {
		return ""
	}
	return fmt.Sprintf("%d of its %d layers are not there", len(all)-here, len(all))
}

// stack are an image's layers, which must be there with their files.
func (s *Store) stack(img *storage.Image, layers map[string]*storage.Layer) (*index.Record, error) {
	record := &index.Record{LayerIDs: []string{}, Sizes: []int64{}}
	for id := img.TopLayer; id != ""; {
		l := layers[id]
		if l == nil {
			return nil, brokenf("layer %.12s is not there", id)
		}
		if len(record.LayerIDs) > len(layers) {
			return nil, brokenf("layer %.12s is its own parent", id)
		}
		if !s.hasFiles(id) {
			return nil, brokenf("layer %.12s has no files", id)
		}
		record.LayerIDs = append(record.LayerIDs, id)
		record.Sizes = append(record.Sizes, max(l.UncompressedSize, 0))
		record.FuseOnly = record.FuseOnly || l.Flags[flagDotWh] == true
		id = l.Parent
	}
	return record, nil
}

// layerDir is where a layer's files are.
func (s *Store) layerDir(id string) string {
	return filepath.Join(s.cfg.StorageRoot(), "overlay", id, "diff")
}

func (s *Store) hasFiles(id string) bool {
	info, err := os.Lstat(s.layerDir(id))
	return err == nil && info.IsDir()
}

// ImageConfig is an image's configuration file: the OCI one, with docker's fields.
type ImageConfig struct {
	v1.Image
	Config  index.Config `json:"config"`
	Comment string       `json:"comment,omitempty"`
}
