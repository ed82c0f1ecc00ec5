package worker

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/stack"
	"github.com/rc-containers/rc/pkg/store"
)

// committer makes an image of a container's upper directory.
type committer struct {
	cfg   *config.Config
	store *store.Store
	o     image.CommitOptions
	// base is the image that the container was made from, with its configuration and manifest.
	base     *index.Image
	config   store.ImageConfig
	manifest v1.Manifest
}

// commit packs what a container has changed, and the stream is unpacked into the store while it is
// read: the files are copied once, and compared with nothing.
func commit(ctx context.Context, cfg *config.Config, s *store.Store, o image.CommitOptions) (string, error) {
	c := &committer{cfg: cfg, store: s, o: o}
	if err := c.read(ctx); err != nil {
		return "", err
	}
	report := newReport(o.Quiet)
	defer report.Close()
	staged, err := c.stage(ctx, report)
	if err != nil {
		return "", err
	}
	layer := v1.Descriptor{Digest: staged.DiffID, Size: staged.Size}
	report.Line("Writing layer %.12s", staged.DiffID.Encoded())
	id, parent := staged.DiffID.Encoded(), ""
	if parent = c.base.TopLayer; parent != "" && !o.Squash {
		sum := sha256.Sum256([]byte("sha256:" + parent + " " + staged.DiffID.String()))
		id = hex.EncodeToString(sum[:])
	} else {
		parent = ""
	}
	if err := s.Commit(ctx, staged, id, parent, ""); err != nil {
		return "", err
	}
	n := store.NewImage{TopLayer: id}
	if o.Name != "" {
		n.Names = []string{o.Name}
	}
	if n.Config, n.Manifest, err = c.describe(layer); err != nil {
		return "", err
	}
	return record(ctx, cfg, s, n)
}

// read takes in what the store has of the base.
func (c *committer) read(ctx context.Context) error {
	ix, err := index.Read(c.cfg)
	if err == nil && ix.Stale {
		if err = c.store.Refresh(ctx); err == nil {
			ix, err = index.Read(c.cfg)
		}
	}
	if err != nil {
		return err
	}
	e, err := ix.Find(c.o.Base)
	if err != nil {
		return err
	}
	if c.base, err = ix.Load(e); err != nil {
		return err
	}
	config, manifest, err := index.Raw(c.cfg, e.ID)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(config, &c.config); err != nil {
		return errs.Invalidf("configuration of image %.12s: %w", e.ID, err)
	}
	if err := json.Unmarshal(manifest, &c.manifest); err != nil {
		return errs.Invalidf("manifest of image %.12s: %w", e.ID, err)
	}
	return nil
}

// stage packs the container's directory and unpacks the stream beside the store.
func (c *committer) stage(ctx context.Context, report *report) (*store.Staged, error) {
	upper, err := stack.Open(c.o.Upper)
	if err != nil {
		return nil, err
	}
	defer upper.Close()
	lower, err := stack.Open(c.base.Lower...)
	if err != nil {
		return nil, err
	}
	defer lower.Close()
	if len(upper) != 1 {
		return nil, fmt.Errorf("directory %q: %w", c.o.Upper, errs.ErrNotFound)
	}
	if len(lower) != len(c.base.Lower) {
		return nil, errs.WithHint(fmt.Errorf("image %.12s: %w: layers of it are missing", c.base.ID, errs.ErrState), "rc system check")
	}
	options := stack.Options{MountPoints: c.o.MountPoints, Warn: func(err error) { report.Warn("%v", err) }}
	r, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		// Both sides wait for each other at each write: there had better be few.
		out := bufio.NewWriterSize(w, 256<<10)
		var err error
		if c.o.Squash {
			err = stack.Pack(ctx, out, append(slices.Clone(upper), lower...), options)
		} else {
			err = stack.PackLayer(ctx, out, upper[0], lower, options)
		}
		w.CloseWithError(cmp.Or(err, out.Flush()))
		packed <- err
	}()
	staged, err := c.store.Stage(ctx, r)
	r.CloseWithError(errAbandoned)
	if packErr := <-packed; packErr != nil && !errors.Is(packErr, errAbandoned) {
		err = packErr
	}
	if err == nil {
		err = stillThere(upper[0], c.o.Upper)
	}
	if err != nil && staged != nil {
		staged.Discard()
	}
	return staged, err
}

// errAbandoned is what the side that packs gets where the other one has failed.
var errAbandoned = errors.New("abandoned")

// stillThere says whether a directory has its name still: that of a container which is being
// removed has lost it before its files go.
func stillThere(fd int, path string) error {
	var open, named unix.Stat_t
	if err := unix.Fstat(fd, &open); err != nil {
		return err
	}
	if unix.Lstat(path, &named) != nil || named.Ino != open.Ino || named.Dev != open.Dev {
		return fmt.Errorf("%w: the container has been removed meanwhile", errs.ErrState)
	}
	return nil
}

// describe writes the configuration and the manifest of the new image.
func (c *committer) describe(layer v1.Descriptor) (config, manifest []byte, err error) {
	created, err := creationTime()
	if err != nil {
		return nil, nil, err
	}
	n := c.config
	n.Created, n.Author, n.Comment, n.Config = &created, c.o.Author, c.o.Message, c.o.Config
	if n.Author == "" {
		n.Author = c.config.Author
	}
	step := v1.History{Created: &created, CreatedBy: c.o.CreatedBy, Author: c.o.Author, Comment: c.o.Message}
	diffs, history, layers := c.config.RootFS.DiffIDs, c.config.History, c.manifest.Layers
	if c.o.Squash {
		diffs, history, layers = nil, nil, nil
	}
	n.RootFS = v1.RootFS{Type: "layers", DiffIDs: append(slices.Clone(diffs), layer.Digest)}
	n.History = append(slices.Clone(history), step)
	if config, err = json.Marshal(n); err != nil {
		return nil, nil, err
	}
	manifest, err = WriteManifest(c.o.Format, config, append(slices.Clone(layers), layer), nil)
	return config, manifest, err
}
