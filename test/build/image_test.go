package build

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// picture is an image as a list of facts: "file /etc/passwd" → "file 0644 0:0 1234 sha256:…", "config Env" → JSON.
type picture struct {
	facts map[string]string
	// history and layers are its shape.
	history []v1.History
	layers  int
}

// file is what a path of the image holds.
type file struct {
	header *tar.Header
	sum    string
	link   *file // the same inode
}

// read takes an image in a directory apart, as "dir:" writes it.
func read(dir string) (*picture, error) {
	blob := func(d v1.Descriptor) string { return filepath.Join(dir, d.Digest.Encoded()) }
	var manifest v1.Manifest
	if err := decode(filepath.Join(dir, "manifest.json"), &manifest); err != nil {
		return nil, err
	}
	p := &picture{facts: map[string]string{}, layers: len(manifest.Layers)}
	files := map[string]*file{}
	for _, layer := range manifest.Layers {
		if err := apply(files, blob(layer)); err != nil {
			return nil, fmt.Errorf("layer %s: %w", layer.Digest, err)
		}
	}
	p.files(files)
	return p, p.config(blob(manifest.Config))
}

func decode(name string, into any) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// apply applies a layer to what those below it have made.
func apply(files map[string]*file, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := uncompressed(f)
	if err != nil {
		return err
	}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, t); err != nil {
			return err
		}
		add(files, h, fmt.Sprintf("%x", sum.Sum(nil)))
	}
}

func uncompressed(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	magic, err := b.Peek(4)
	switch {
	case err != nil:
		return nil, err
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(b)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return zstd.NewReader(b)
	}
	return b, nil
}

func add(files map[string]*file, h *tar.Header, sum string) {
	name := path.Join("/", h.Name)
	dir, base := path.Split(name)
	below := func(dir string) {
		maps.DeleteFunc(files, func(p string, _ *file) bool { return strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/") })
	}
	switch {
	case base == ".wh..wh..opq":
		below(dir)
		return
	case strings.HasPrefix(base, ".wh."):
		gone := path.Join(dir, strings.TrimPrefix(base, ".wh."))
		delete(files, gone)
		below(gone)
		return
	}
	if h.Typeflag != tar.TypeDir {
		below(name)
	}
	if h.Typeflag == tar.TypeLink {
		files[name] = &file{link: files[path.Join("/", h.Linkname)]}
		return
	}
	files[name] = &file{header: h, sum: sum}
}

// files makes facts of a tree.
func (p *picture) files(files map[string]*file) {
	names := map[*file][]string{}
	for name, f := range files {
		for f != nil && f.link != nil {
			f = f.link
		}
		names[f] = append(names[f], name)
	}
	for f, paths := range names {
		slices.Sort(paths)
		for _, name := range paths {
			p.facts["file "+name] = describe(f, paths)
		}
	}
}

func describe(f *file, names []string) string {
	if f == nil {
		return "hard link to nothing"
	}
	h := f.header
	text := fmt.Sprintf("%04o %d:%d", h.Mode&0o7777, h.Uid, h.Gid)
	switch h.Typeflag {
	case tar.TypeDir:
		text = "dir " + text
	case tar.TypeSymlink:
		text = fmt.Sprintf("symlink %d:%d -> %s", h.Uid, h.Gid, h.Linkname)
	case tar.TypeReg:
		text = fmt.Sprintf("file %s %d bytes %.12s", text, h.Size, f.sum)
	case tar.TypeFifo:
		text = "fifo " + text
	default:
		text = fmt.Sprintf("%c %s %d,%d", h.Typeflag, text, h.Devmajor, h.Devminor)
	}
	for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		if attr, ok := strings.CutPrefix(key, "SCHILY.xattr."); ok {
			text += fmt.Sprintf(" %s=%x", attr, h.PAXRecords[key])
		}
	}
	if len(names) > 1 {
		text += " links " + strings.Join(names, " ")
	}
	return text
}

// config makes facts of a configuration.
func (p *picture) config(name string) error {
	var c struct {
		v1.Image
		Config map[string]json.RawMessage `json:"config"`
	}
	if err := decode(name, &c); err != nil {
		return err
	}
	for key, value := range c.Config {
		var v any
		if err := json.Unmarshal(value, &v); err != nil {
			return err
		}
		if key == "Env" {
			slices.SortFunc(v.([]any), func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if s := string(text); s != "null" && s != `""` && s != "{}" && s != "[]" {
			p.facts["config "+key] = s
		}
	}
	p.facts["config author"], p.facts["config os"], p.facts["config architecture"] = c.Author, c.OS, c.Architecture
	p.history = c.History
	return nil
}
