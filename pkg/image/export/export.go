package export

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/compress"
	"github.com/rc-containers/rc/pkg/image/manifest"
	"github.com/rc-containers/rc/pkg/store"
)

// Destination takes the parts of images. Blobs come side by side, the manifest after all of them.
type Destination interface {
	// Has says whether it has a blob, or got it from one of the repositories at.
	Has(ctx context.Context, blob digest.Digest, at []string) (bool, error)
	// Put takes a blob; it gives its digest and size. want is what is known of it: type, and perhaps digest and size (-1). If the
	// reader ends with an error, nothing of it is kept.
	Put(ctx context.Context, r io.Reader, want v1.Descriptor) (v1.Descriptor, error)
	// Manifest takes the manifest; its digest if it is an instance that a list will name.
	Manifest(ctx context.Context, data []byte, instance digest.Digest) error
	// Retry repeats what failed by accident.
	Retry(ctx context.Context, do func() error) error
}

// Reporter is told how far things are.
type Reporter interface {
	// Layer announces a layer: send says whether it has to be sent at all.
	Layer(blob digest.Digest, size int64, send bool)
	// Read wraps the uncompressed bytes of a layer on their way.
	Read(r io.Reader) io.Reader
	// Warn says what the user should know.
	Warn(format string, args ...any)
}

// Origin opens a blob in a repository that may have it: Manifest is that of the image.
type Origin func(ctx context.Context, repository string, manifest digest.Digest, blob v1.Descriptor) (io.ReadCloser, error)

// Options say in which form the image leaves.
type Options struct {
	// Type of the manifest: OCI, Docker, or "" for its own.
	Type string
	// Plain leaves the layers uncompressed.
	Plain bool
	// Format compresses all layers so; None keeps what they came in, and takes gzip for those that came uncompressed.
	Format compress.Format
	// Level is the compression's; nil is the usual one. Blobs that exist are not taken then.
	Level *int
	// Exact takes only the blobs that the options and the image by themselves lead to: the same bytes every time.
	Exact bool
	// Repository is where the blobs will be, "" for an archive.
	Repository string
	// Origin copies blobs that cannot be made again; nil for archives.
	Origin Origin
	Report Reporter
}

// Sent is an image that has left.
type Sent struct {
	Manifest []byte
	Digest   digest.Digest
}

// parallel is how many layers are sent at a time.
const parallel = 4

// exporter sends one image.
type exporter struct {
	store    *store.Store
	dest     Destination
	o        Options
	image    *store.Stored
	manifest v1.Manifest
}

// Send sends layers and configuration of an image; the manifest is the caller's to send, since it may be an instance
// of a list.
func Send(ctx context.Context, s *store.Store, id string, dest Destination, o Options) (*Sent, error) {
	img, err := s.Stored(id)
	if err != nil {
		return nil, err
	}
	e := &exporter{store: s, dest: dest, o: o, image: img}
	if err := json.Unmarshal(img.Manifest, &e.manifest); err != nil {
		return nil, errs.Invalidf("image %.12s: its manifest: %w", id, err)
	}
	if len(e.manifest.Layers) != len(img.Layers) {
		return nil, errs.WithHint(errs.Invalidf("image %.12s: its manifest names %d layers, the store has %d", id, len(e.manifest.Layers), len(img.Layers)),
			"rc system check --repair")
	}
	layers, err := e.layers(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.config(ctx); err != nil {
		return nil, err
	}
	return e.finish(layers)
}

// SendLayers sends layers that belong to no image, or to several; it gives what they are at the destination.
func SendLayers(ctx context.Context, s *store.Store, layers []store.StoredLayer, dest Destination, o Options) ([]v1.Descriptor, error) {
	e := &exporter{store: s, dest: dest, o: o, image: &store.Stored{Layers: layers}}
	for _, l := range layers {
		e.manifest.Layers = append(e.manifest.Layers, v1.Descriptor{MediaType: v1.MediaTypeImageLayer, Digest: l.DiffID, Size: l.Size})
	}
	return e.layers(ctx)
}

// layers sends all of them, the same archive only once.
func (e *exporter) layers(ctx context.Context) ([]v1.Descriptor, error) {
	out := make([]v1.Descriptor, len(e.image.Layers))
	first := make(map[digest.Digest]int, len(out))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	if e.o.Exact {
		group.SetLimit(1) // an archive has an order
	}
	for i, l := range e.image.Layers {
		if _, again := first[l.DiffID]; again {
			continue
		}
		first[l.DiffID] = i
		group.Go(func() (err error) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			out[i], err = e.layer(ctx, l, e.manifest.Layers[i])
			if err != nil {
				return fmt.Errorf("layer %.12s: %w", l.DiffID.Encoded(), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, l := range e.image.Layers {
		out[i] = out[first[l.DiffID]]
	}
	return out, nil
}

func (e *exporter) config(ctx context.Context) error {
	want := v1.Descriptor{MediaType: e.manifest.Config.MediaType, Digest: digest.FromBytes(e.image.Config), Size: int64(len(e.image.Config))}
	return sendBytes(ctx, e.dest, e.image.Config, want)
}

// finish makes the manifest: the very bytes that came, if they still say the truth.
func (e *exporter) finish(layers []v1.Descriptor) (*Sent, error) {
	own := manifest.TypeOf(e.manifest)
	want := e.o.Type
	if want == "" {
		want = own
		for _, l := range layers {
			if want == manifest.Docker && manifest.FormatOf(l.MediaType) == compress.Zstd {
				want = manifest.OCI // docker's has no such layers
			}
		}
	}
	same := want == own
	for i, l := range layers {
		same = same && l.Digest == e.manifest.Layers[i].Digest
	}
	data := e.image.Manifest
	if !same {
		var err error
		if data, err = e.rewrite(want, layers); err != nil {
			return nil, err
		}
	}
	return &Sent{Manifest: data, Digest: digest.FromBytes(data)}, nil
}

// rewrite makes a manifest of another type or with other layers.
func (e *exporter) rewrite(kind string, layers []v1.Descriptor) ([]byte, error) {
	m := e.manifest
	m.SchemaVersion = 2
	m.Config = v1.Descriptor{MediaType: manifest.ConfigType(kind), Digest: digest.FromBytes(e.image.Config), Size: int64(len(e.image.Config))}
	m.MediaType = manifest.MediaType(kind)
	m.Layers = make([]v1.Descriptor, 0, len(layers))
	for i, l := range layers {
		t, err := manifest.LayerType(kind, manifest.FormatOf(l.MediaType))
		if err != nil {
			return nil, err
		}
		d := v1.Descriptor{MediaType: t, Digest: l.Digest, Size: l.Size}
		if own := e.manifest.Layers[i]; kind == manifest.OCI && own.Digest == l.Digest {
			d.Annotations = own.Annotations // of other bytes they would not be true
		}
		m.Layers = append(m.Layers, d)
	}
	if kind == manifest.Docker { // it has neither
		m.Annotations, m.Subject, m.ArtifactType = nil, nil, ""
	}
	return json.Marshal(m)
}
