package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/compress"
	"github.com/rc-containers/rc/pkg/image/manifest"
)

// sink takes files under names.
type sink interface {
	// stage makes an empty file for what has no name yet.
	stage() (*os.File, error)
	// adopt gives a staged file, and its contents, a name, and closes it.
	adopt(name string, f *os.File) error
	// write takes size bytes.
	write(name string, r io.Reader, size int64) error
	// commit makes everything appear; nothing follows.
	commit() error
	// drop deletes what is not committed.
	drop()
}

// Writer takes images into an archive or a directory. Close it; what is not committed by then is not there.
type Writer struct {
	sink  sink
	form  form
	done  map[digest.Digest]v1.Descriptor
	names []string // of the image at hand
	// before says whether a file of a name was there before.
	before func(name string) bool
}

// form is what the kinds of archives differ in.
type form interface {
	// paths say where blobs lie.
	paths
	// config is where a configuration lies.
	config(d digest.Digest) string
	// image notes an image by its manifest, which the form writes as a file of its own or as it likes.
	image(w *Writer, data []byte, names []string) error
	// finish writes what names the images.
	finish(w *Writer) error
}

// Begin says what the next image is called: full names, or for an OCI layout whatever its reference is.
func (w *Writer) Begin(names []string) { w.names = names }

// Has says whether a blob is written already.
func (w *Writer) Has(_ context.Context, blob digest.Digest, _ []string) (bool, error) {
	_, done := w.done[blob]
	return done || w.before(w.form.blob(blob)), nil
}

// Put writes a blob. Its plain archive goes straight to its place; what is compressed is staged, since neither its name
// nor its size is known, or it may turn out to be another blob.
func (w *Writer) Put(_ context.Context, r io.Reader, want v1.Descriptor) (v1.Descriptor, error) {
	if want.Digest != "" && want.Size >= 0 && manifest.FormatOf(want.MediaType) == compress.None {
		name := w.form.blob(want.Digest)
		if manifest.IsConfig(want.MediaType) {
			name = w.form.config(want.Digest)
		}
		if err := w.sink.write(name, r, want.Size); err != nil {
			return want, noSpace(err)
		}
		w.done[want.Digest] = want
		return want, nil
	}
	f, err := w.sink.stage()
	if err != nil {
		return want, noSpace(err)
	}
	digester := digest.Canonical.Digester()
	want.Size, err = io.Copy(io.MultiWriter(f, digester.Hash()), r)
	if err != nil {
		discard(f)
		return want, noSpace(err)
	}
	want.Digest = digester.Digest()
	if _, done := w.done[want.Digest]; done {
		discard(f)
		return want, nil
	}
	if err := w.sink.adopt(w.form.blob(want.Digest), f); err != nil {
		return want, noSpace(err)
	}
	w.done[want.Digest] = want
	return want, nil
}

// discard deletes a staged file; one without a name is gone by being closed.
func discard(f *os.File) {
	f.Close()
	_ = os.Remove(f.Name())
}

// Manifest notes an image, or a list; an instance of a list is only written.
func (w *Writer) Manifest(_ context.Context, data []byte, instance digest.Digest) error {
	if instance == "" {
		return noSpace(w.form.image(w, data, w.names))
	}
	if _, done := w.done[instance]; done || w.before(w.form.manifest(instance)) {
		return nil
	}
	w.done[instance] = v1.Descriptor{Digest: instance, Size: int64(len(data))}
	return noSpace(w.bytes(w.form.manifest(instance), data))
}

// Retry does it once: a disk is no network.
func (w *Writer) Retry(_ context.Context, do func() error) error { return do() }

// Commit writes the index and makes everything appear under its name.
func (w *Writer) Commit() error {
	if err := w.form.finish(w); err != nil {
		return noSpace(err)
	}
	return noSpace(w.sink.commit())
}

// Close deletes what is not committed.
func (w *Writer) Close() { w.sink.drop() }

// bytes writes a small file.
func (w *Writer) bytes(name string, data []byte) error {
	return w.sink.write(name, bytes.NewReader(data), int64(len(data)))
}

func (w *Writer) json(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return w.bytes(name, data)
}

// dockerForm is the archive of docker save: <hex>.tar, <hex>.json, manifest.json.
type dockerForm struct{ items []dockerItem }

func (*dockerForm) blob(d digest.Digest) string       { return d.Encoded() + ".tar" }
func (*dockerForm) config(d digest.Digest) string     { return d.Encoded() + ".json" }
func (f *dockerForm) manifest(d digest.Digest) string { return f.config(d) }

func (f *dockerForm) image(w *Writer, data []byte, names []string) error {
	var m v1.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return errs.Invalidf("manifest: %w", err)
	}
	if manifest.IsList("", data) {
		return errs.WithHint(errs.Unsupportedf("a docker-archive holds no manifest lists"), "oci-archive:FILE")
	}
	item := dockerItem{Config: f.config(m.Config.Digest), RepoTags: names}
	for _, l := range m.Layers {
		item.Layers = append(item.Layers, f.blob(l.Digest))
	}
	f.items = append(f.items, item)
	return nil
}

func (f *dockerForm) finish(w *Writer) error { return w.json("manifest.json", f.items) }

// looseForm is a dir: directory.
type looseForm struct {
	loosePaths
	main []byte
}

func (f *looseForm) image(w *Writer, data []byte, _ []string) error {
	if f.main != nil {
		return errs.Invalidf("dir: holds one image")
	}
	f.main = data
	return nil
}

func (f *looseForm) finish(w *Writer) error {
	// The library's own text (image/v5/directory), which it looks for.
	if err := w.bytes("version", []byte("Directory Transport Version: 1.1\n")); err != nil {
		return err
	}
	return w.bytes("manifest.json", f.main)
}

// layoutForm is OCI's layout; index has what was in it before.
type layoutForm struct {
	layoutPaths
	index v1.Index
}

func (f *layoutForm) image(w *Writer, data []byte, names []string) error {
	var m struct {
		MediaType string `json:"mediaType"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return errs.Invalidf("manifest: %w", err)
	}
	d := v1.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	if d.MediaType == "" {
		d.MediaType = v1.MediaTypeImageManifest
	}
	if _, done := w.done[d.Digest]; !done && !w.before(f.blob(d.Digest)) {
		if err := w.bytes(f.blob(d.Digest), data); err != nil {
			return err
		}
		w.done[d.Digest] = d
	}
	if len(names) == 0 {
		names = []string{""}
	}
	for _, name := range names {
		named := d
		if name != "" {
			named.Annotations = map[string]string{v1.AnnotationRefName: name}
		}
		f.index.Manifests = slices.DeleteFunc(f.index.Manifests, func(o v1.Descriptor) bool { return o.Annotations[v1.AnnotationRefName] == name })
		f.index.Manifests = append(f.index.Manifests, named)
	}
	return nil
}

func (f *layoutForm) finish(w *Writer) error {
	if err := w.json(v1.ImageLayoutFile, v1.ImageLayout{Version: v1.ImageLayoutVersion}); err != nil {
		return err
	}
	f.index.Versioned = specs.Versioned{SchemaVersion: 2}
	if f.index.MediaType == "" {
		f.index.MediaType = v1.MediaTypeImageIndex
	}
	return w.json(v1.ImageIndexFile, f.index)
}

func newWriter(s sink, f form) *Writer {
	return &Writer{sink: s, form: f, done: map[digest.Digest]v1.Descriptor{}, before: func(string) bool { return false }}
}

// Create makes a writer for a location; an archive without a path is written to out. What cannot have a name yet is kept
// below tmp.
func Create(l image.Location, out *os.File, tmp string) (*Writer, error) {
	switch l.Transport {
	case image.TransportDockerArchive, image.TransportOCIArchive:
		s, err := newTarSink(l.Path, out, tmp)
		if err != nil {
			return nil, err
		}
		if l.Transport == image.TransportDockerArchive {
			return newWriter(s, &dockerForm{}), nil
		}
		return newWriter(s, &layoutForm{}), nil
	case image.TransportDir:
		s, err := newDirSink(l.Path)
		if err != nil {
			return nil, err
		}
		return newWriter(s, &looseForm{}), nil
	case image.TransportOCI:
		s, index, err := newLayoutSink(l.Path)
		if err != nil {
			return nil, err
		}
		w := newWriter(s, &layoutForm{index: index})
		w.before = s.has
		return w, nil
	}
	return nil, errs.Unsupportedf("%s: it cannot be written", l)
}
