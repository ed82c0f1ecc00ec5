package export

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/image/compress"
	"github.com/rc-containers/rc/pkg/image/manifest"
	"github.com/rc-containers/rc/pkg/image/transport"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/store"
)

// target is the form that one layer is to have.
type target struct {
	layer  store.StoredLayer
	known  store.Known
	format compress.Format
	// blob is what is wanted, or would do; without a digest, whatever the recipe makes.
	blob   v1.Descriptor
	recipe compress.Recipe
	// original says that blob is how the layer came.
	original bool
}

// target decides on a layer's form.
func (e *exporter) target(l store.StoredLayer, own v1.Descriptor) (target, error) {
	t := target{layer: l, known: e.store.Known(l.DiffID)}
	came := manifest.FormatOf(own.MediaType)
	switch {
	case e.o.Plain:
	case e.o.Format != compress.None:
		t.format = e.o.Format
	case came != compress.None:
		t.format = came
	default:
		t.format = compress.Gzip
	}
	kind := e.o.Type
	if kind == "" {
		kind = manifest.TypeOf(e.manifest)
		if t.format == compress.Zstd {
			kind = manifest.OCI
		}
	}
	mediaType, err := manifest.LayerType(kind, t.format)
	if err != nil {
		return t, err
	}
	if t.format == compress.None {
		t.blob = v1.Descriptor{MediaType: mediaType, Digest: l.DiffID, Size: l.Size}
		return t, nil
	}
	if t.format == came && e.o.Level == nil {
		t.original = true
		t.blob = v1.Descriptor{MediaType: mediaType, Digest: own.Digest, Size: own.Size}
		return t, nil
	}
	if t.recipe, err = compress.For(t.format, e.o.Level); err != nil {
		return t, err
	}
	t.blob = v1.Descriptor{MediaType: mediaType, Size: -1}
	for _, b := range t.known.Blobs {
		if compress.Recipe(b.Recipe) == t.recipe {
			t.blob.Digest, t.blob.Size = b.Digest, b.Size
			break
		}
	}
	return t, nil
}

// layer brings one layer to the destination.
func (e *exporter) layer(ctx context.Context, l store.StoredLayer, own v1.Descriptor) (v1.Descriptor, error) {
	t, err := e.target(l, own)
	if err != nil {
		return t.blob, err
	}
	there, err := e.there(ctx, &t)
	if err != nil {
		return t.blob, err
	}
	if there {
		e.o.Report.Layer(t.blob.Digest, t.blob.Size, false)
		return t.blob, e.learn(ctx, t, "")
	}
	e.o.Report.Layer(t.name(), l.Size, true)
	if !t.original {
		return e.compressed(ctx, t, t.recipe)
	}
	d, err := e.again(ctx, t)
	if !errors.Is(err, errOther) {
		return d, err
	}
	why := err
	recipe, forErr := compress.For(t.format, nil)
	if forErr != nil {
		return d, forErr
	}
	e.o.Report.Warn("layer %.12s is compressed anew, and the manifest's digest changes: as it came (%.19s) it cannot be made: %v",
		l.DiffID.Encoded(), t.blob.Digest, why)
	t.blob.Digest, t.blob.Size = "", -1
	return e.compressed(ctx, t, recipe)
}

// name is what the layer is called before its blob is known.
func (t *target) name() digest.Digest {
	if t.blob.Digest != "" {
		return t.blob.Digest
	}
	return t.layer.DiffID
}

// there says whether the destination has the blob; where another form will do, too, it is found here.
func (e *exporter) there(ctx context.Context, t *target) (bool, error) {
	if t.blob.Digest != "" {
		have, err := e.dest.Has(ctx, t.blob.Digest, e.places(t, t.blob.Digest))
		if have || err != nil {
			return have, err
		}
	}
	if t.original || e.o.Exact || e.o.Level != nil || t.format == compress.None {
		return false, nil
	}
	for _, b := range t.known.Blobs {
		// Only where it is known to be: each question costs a round trip.
		if compress.Recipe(b.Recipe).Format() != t.format || b.Digest == t.blob.Digest || !e.near(b.At) {
			continue
		}
		have, err := e.dest.Has(ctx, b.Digest, b.At)
		if err != nil {
			return false, err
		}
		if have {
			t.blob.Digest, t.blob.Size = b.Digest, b.Size
			return true, nil
		}
	}
	return false, nil
}

// near says whether one of the repositories is in the destination's registry.
func (e *exporter) near(places []string) bool {
	here, err := index.ParseName(e.o.Repository)
	return err == nil && slices.ContainsFunc(places, func(place string) bool {
		n, err := index.ParseName(place)
		return err == nil && n.Domain == here.Domain
	})
}

// places are repositories that may have a blob: those that had it, and those that the image is named after.
func (e *exporter) places(t *target, blob digest.Digest) []string {
	var out []string
	for _, b := range t.known.Blobs {
		if b.Digest == blob {
			out = append(out, b.At...)
		}
	}
	for _, name := range e.image.Names {
		if n, err := index.ParseName(name); err == nil && n.Domain != "localhost" && !slices.Contains(out, n.Repository()) {
			out = append(out, n.Repository())
		}
	}
	return out
}

// errOther says that a blob cannot be made as it was.
var errOther = errors.New("no compression gives the same bytes")

// again brings a blob as it came: made anew, or copied. errOther says that neither can be.
func (e *exporter) again(ctx context.Context, t target) (v1.Descriptor, error) {
	recipes, err := e.recipes(t)
	if err != nil {
		return t.blob, err
	}
	for _, recipe := range recipes {
		d, err := e.compressed(ctx, t, recipe)
		if !errors.Is(err, errOther) {
			return d, err
		}
	}
	return e.copied(ctx, t)
}

// recipes are those by which the blob may have been made: the one that it was, if that is known.
func (e *exporter) recipes(t target) ([]compress.Recipe, error) {
	var head []byte
	for _, b := range t.known.Blobs {
		if b.Digest != t.blob.Digest {
			continue
		}
		if b.Recipe != "" {
			return []compress.Recipe{compress.Recipe(b.Recipe)}, nil
		}
		head = b.Head
	}
	all := compress.Recipes(t.format, head)
	if len(head) == 0 {
		return all, nil
	}
	for _, recipe := range all {
		tar, err := e.store.LayerTar(t.layer.ID)
		if err != nil {
			return nil, err
		}
		begins, err := recipe.Begins(tar, head)
		tar.Close()
		if begins && err == nil {
			return []compress.Recipe{recipe}, nil
		}
	}
	return nil, nil
}

// compressed makes the blob by a recipe and brings it to the destination. errOther: it is not the one that is wanted.
func (e *exporter) compressed(ctx context.Context, t target, recipe compress.Recipe) (d v1.Descriptor, err error) {
	err = e.dest.Retry(ctx, func() (err error) {
		tar, err := e.store.LayerTar(t.layer.ID)
		if err != nil {
			return err
		}
		defer tar.Close()
		// The archive that is read back is checked, too: a blob of anything else must not get out.
		archive := &checked{r: e.o.Report.Read(transport.Cancelable(ctx, tar)), want: t.layer.DiffID, hash: digest.Canonical.Hash(), err: errDamaged}
		packed := recipe.Reader(archive)
		defer packed.Close()
		d, err = e.dest.Put(ctx, &checked{r: packed, want: t.blob.Digest, hash: digest.Canonical.Hash(), err: errOther}, t.blob)
		return err
	})
	if err != nil {
		return d, err
	}
	d.MediaType, d.Annotations = t.blob.MediaType, nil
	t.blob = d
	return d, e.learn(ctx, t, recipe)
}

// errDamaged is a layer whose files are no longer what they were.
var errDamaged = errors.New("its files in the store are damaged: rc system check tells more")

// reach is how long a registry that an image came from may take to answer.
const reach = 15 * time.Second

// copied copies a blob from a registry that has it.
func (e *exporter) copied(ctx context.Context, t target) (v1.Descriptor, error) {
	if e.o.Origin == nil {
		return t.blob, errOther
	}
	failures := []error{errOther}
	for _, repository := range e.places(&t, t.blob.Digest) {
		r, err := e.open(ctx, repository, t.blob)
		if err != nil {
			failures = append(failures, fmt.Errorf("copy it from %s: %w", repository, err))
			continue
		}
		d, err := e.dest.Put(ctx, &checked{r: r, want: t.blob.Digest, hash: digest.Canonical.Hash(), err: errOther}, t.blob)
		r.Close()
		if err == nil {
			d.MediaType = t.blob.MediaType
			t.blob = d
			return d, e.learn(ctx, t, "")
		}
		if ctx.Err() != nil {
			return t.blob, context.Cause(ctx)
		}
		failures = append(failures, fmt.Errorf("copy it from %s: %w", repository, err))
	}
	return t.blob, errors.Join(failures...)
}

// open waits for an answer no longer than reach, but for the bytes as long as they come.
func (e *exporter) open(ctx context.Context, repository string, blob v1.Descriptor) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(reach, cancel)
	r, err := e.o.Origin(ctx, repository, digest.FromBytes(e.image.Manifest), blob)
	if err != nil {
		cancel()
		return nil, err
	}
	timer.Stop()
	return &body{r, cancel}, nil
}

type body struct {
	io.ReadCloser
	cancel func()
}

func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// learn remembers a blob and where it is.
func (e *exporter) learn(ctx context.Context, t target, recipe compress.Recipe) error {
	if t.format == compress.None {
		return nil
	}
	b := store.KnownBlob{Digest: t.blob.Digest, Size: t.blob.Size, Recipe: string(recipe)}
	if e.o.Repository != "" {
		b.At = []string{e.o.Repository}
	}
	return e.store.Learn(ctx, t.layer.DiffID, b)
}

// checked ends with an error where the bytes are not those of a digest; "" is any.
type checked struct {
	r    io.Reader
	want digest.Digest
	hash hash.Hash
	err  error
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.want == "" {
		return n, err
	}
	c.hash.Write(p[:n])
	if errors.Is(err, io.EOF) && digest.NewDigest(c.want.Algorithm(), c.hash) != c.want {
		return n, c.err
	}
	return n, err
}

// sendBytes sends a small blob.
func sendBytes(ctx context.Context, dest Destination, data []byte, want v1.Descriptor) error {
	have, err := dest.Has(ctx, want.Digest, nil)
	if err != nil || have {
		return err
	}
	err = dest.Retry(ctx, func() error {
		_, err := dest.Put(ctx, bytes.NewReader(data), want)
		return err
	})
	if err != nil {
		return fmt.Errorf("image configuration: %w", err)
	}
	return nil
}
