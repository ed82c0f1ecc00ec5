package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	digest "github.com/opencontainers/go-digest"
	storage "go.podman.io/storage"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/index"
)

// Damage is what is wrong with an image, or with what belongs to none.
type Damage struct {
	// Image is the id of the image, "" where Problem is about a layer or a directory.
	Image string
	// Names are the image's.
	Names []string
	// Object names what else it is about.
	Object  string
	Problem string
	// Remove takes it out of the store. The caller holds index.Hold exclusively and has looked
	// for containers of Image.
	Remove func() error
	// Mend, where it is set, makes it whole again, and nothing is lost.
	Mend func() error
}

// Check looks for images that lack something, and for what no image needs any more: layers
// older than most, of which those that are being pulled are the younger ones. quick leaves out
// what has to read all files.
func (s *Store) Check(ctx context.Context, quick bool, most time.Duration) ([]Damage, error) {
	dirs, err := os.ReadDir(filepath.Join(s.cfg.StorageRoot(), "overlay"))
	if err != nil {
		return nil, fmt.Errorf("check the image store: %w", err)
	}
	// In this order: a directory without a layer that is recorded later is of none.
	layers, err := s.lib.Layers()
	if err != nil {
		return nil, fmt.Errorf("check the image store: %w", err)
	}
	images, err := s.lib.Images()
	if err != nil {
		return nil, fmt.Errorf("check the image store: %w", err)
	}
	c := &checker{ctx: ctx, store: s, quick: quick, layers: map[string]*storage.Layer{}, used: map[string]bool{}, verdicts: map[string]string{}}
	for i := range layers {
		c.layers[layers[i].ID] = &layers[i]
	}
	for i := range images {
		c.image(&images[i])
	}
	if err := c.builds(); err != nil {
		return nil, fmt.Errorf("check the build cache: %w", err)
	}
	c.unused(most)
	for _, path := range s.setAside() {
		c.found = append(c.found, Damage{Object: path, Problem: "a damaged list that was set aside", Remove: func() error { return os.Remove(path) }})
	}
	for _, d := range dirs {
		c.directory(d.Name())
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return c.found, nil
}

type checker struct {
	ctx      context.Context //nolint:containedctx // lives for one call of Check
	store    *Store
	quick    bool
	layers   map[string]*storage.Layer
	used     map[string]bool
	verdicts map[string]string // on layers that were looked at
	found    []Damage
}

// image checks one image: its layers, its configuration, its manifest.
func (c *checker) image(img *storage.Image) {
	var problems []string
	seen := map[string]bool{}
	for id := img.TopLayer; id != ""; {
		c.used[id] = true
		l := c.layers[id]
		if seen[id] {
			problems = append(problems, fmt.Sprintf("layer %.12s is its own parent", id))
			break
		}
		seen[id] = true
		if l == nil {
			problems = append(problems, fmt.Sprintf("layer %.12s is not there", id))
			break
		}
		if problem := c.layer(l); problem != "" {
			problems = append(problems, fmt.Sprintf("layer %.12s %s", id, problem))
		}
		id = l.Parent
	}
	config, err := c.store.lib.ImageBigData(img.ID, keyConfig(img.ID))
	switch {
	case err != nil && len(img.Names) == 0:
		problems = append(problems, "it was not finished by a killed pull")
	case err != nil:
		problems = append(problems, "its configuration is not there")
	case digest.FromBytes(config).Encoded() != img.ID:
		problems = append(problems, "its configuration is damaged")
	default:
		var c ImageConfig
		_ = json.Unmarshal(config, &c) // what has its digest was read once
		if missing := missingLayers(c.RootFS.DiffIDs, len(seen)); missing != "" && len(problems) == 0 {
			problems = append(problems, missing)
		}
	}
	if problem := c.manifest(img); problem != "" && len(problems) == 0 {
		if good, err := c.secondManifest(img); err == nil {
			c.found = append(c.found, Damage{Image: img.ID, Names: img.Names, Problem: problem, Mend: func() error {
				return c.store.lib.SetImageBigData(img.ID, keyManifest, good, canonical)
			}})
			return
		}
		problems = append(problems, problem)
	}
	if len(problems) > 0 {
		c.found = append(c.found, Damage{Image: img.ID, Names: img.Names, Problem: strings.Join(problems, ", "), Remove: func() error {
			_, err := c.store.Remove(img.ID)
			return err
		}})
	}
}

// manifest says what is wrong with an image's manifest.
func (c *checker) manifest(img *storage.Image) string {
	manifest, err := c.store.lib.ImageBigData(img.ID, keyManifest)
	switch {
	case err != nil:
		return "its manifest is not there"
	case img.Digest != "" && digest.FromBytes(manifest) != img.Digest:
		return "its manifest is damaged"
	}
	return ""
}

// secondManifest is the other copy of the manifest, by its digest, if that is whole.
func (c *checker) secondManifest(img *storage.Image) ([]byte, error) {
	manifest, err := c.store.lib.ImageBigData(img.ID, storage.ImageDigestManifestBigDataNamePrefix+"-"+img.Digest.String())
	if err == nil && digest.FromBytes(manifest) != img.Digest {
		err = errors.New("damaged, too")
	}
	return manifest, err
}

// layer says what is wrong with a layer that an image has.
func (c *checker) layer(l *storage.Layer) string {
	verdict, known := c.verdicts[l.ID]
	if !known {
		verdict = c.verdict(l)
		c.verdicts[l.ID] = verdict
	}
	return verdict
}

func (c *checker) verdict(l *storage.Layer) string {
	if l.Flags["incomplete"] == true {
		return "is incomplete"
	}
	info, err := os.Stat(filepath.Join(c.store.cfg.StorageRoot(), "overlay", l.ID, "diff"))
	if errors.Is(err, os.ErrNotExist) {
		return "has no files"
	}
	if err != nil || !info.IsDir() {
		return fmt.Sprintf("has files that cannot be read: %v", err)
	}
	if c.quick || l.UncompressedDigest == "" {
		return ""
	}
	plain := storage.DiffOptions{}
	r, err := c.store.lib.Diff("", l.ID, &plain)
	if err != nil {
		return fmt.Sprintf("has damaged files: %v", err)
	}
	defer r.Close()
	d := digest.Canonical.Digester()
	if _, err := io.Copy(d.Hash(), &ended{c.ctx, r}); err != nil {
		return fmt.Sprintf("has damaged files: %v", err)
	}
	if d.Digest() != l.UncompressedDigest {
		return "has damaged files: their digest is another one"
	}
	return ""
}

// ended is a reader that heeds the end of a context.
type ended struct {
	ctx context.Context //nolint:containedctx // lives for one call of Check
	r   io.Reader
}

func (e *ended) Read(p []byte) (int, error) {
	if e.ctx.Err() != nil {
		return 0, context.Cause(e.ctx)
	}
	return e.r.Read(p)
}

// unused finds layers that no image has, if they are old, were not finished, or are damaged, and would be so in the next
// image that has them. All of them are removed together.
func (c *checker) unused(most time.Duration) {
	for id, l := range c.layers {
		if c.used[id] {
			continue
		}
		problem := "no image has it"
		if l.Flags["incomplete"] == true {
			problem = "a killed pull did not finish it"
		} else if time.Since(l.Created) < most {
			problem = c.layer(l)
		}
		if problem != "" {
			c.found = append(c.found, Damage{Object: fmt.Sprintf("layer %.12s", id), Problem: problem, Remove: c.store.SweepAll})
		}
	}
	slices.SortFunc(c.found, func(a, b Damage) int { return strings.Compare(a.Image+a.Object, b.Image+b.Object) })
}

// SweepAll is Sweep, which must not leave things alone.
func (s *Store) SweepAll() error {
	switch err := s.pulls.Upgrade(); {
	case errors.Is(err, index.ErrLocked):
		return fmt.Errorf("images are being pulled: %w", err)
	case err != nil:
		return err
	}
	s.pulls.Downgrade()
	return s.Sweep(false)
}

// directory finds a layer's directory that is no layer's.
func (c *checker) directory(name string) {
	if len(name) != 64 || strings.Trim(name, "0123456789abcdef") != "" || c.layers[name] != nil {
		return
	}
	path := filepath.Join(c.store.cfg.StorageRoot(), "overlay", name)
	c.found = append(c.found, Damage{Object: path, Problem: "a directory of no layer", Remove: func() error {
		lock, err := index.Flock(c.ctx, filepath.Join(c.store.cfg.StorageRoot(), "commit.lock"), unix.LOCK_EX)
		if err != nil {
			return err
		}
		defer lock.Release()
		if c.store.lib.Exists(name) {
			return nil
		}
		return os.RemoveAll(path)
	}})
}
