package transport

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/layer"
)

// Storage is the store of podman and buildah (github.com/containers/storage). Its files are read and nothing else: no lock is
// taken, nothing is opened by the library, which would repair and migrate. Its JSON files are replaced in one step,
// so what is read is whole; what is deleted meanwhile is an error.
type Storage struct {
	root, driver string
	images       []storedImage
	layers       map[string]storedLayer
}

type storedImage struct {
	ID      string        `json:"id"`
	Digest  digest.Digest `json:"digest"`
	Names   []string      `json:"names"`
	Layer   string        `json:"layer"`
	Created time.Time     `json:"created"`
}

type storedLayer struct {
	ID     string        `json:"id"`
	Parent string        `json:"parent"`
	DiffID digest.Digest `json:"diff-digest"`
	Size   int64         `json:"diff-size"`
}

// OpenStorage opens the store that a location names: [DRIVER@GRAPHROOT+RUNROOT:OPTIONS], or the user's own. The caller is
// uid 0 of the default map, as podman is: files may belong to subordinate ids.
func OpenStorage(specification string) (*Storage, error) {
	driver, root, err := storageRoot(specification)
	if err != nil {
		return nil, err
	}
	s := &Storage{root: root, driver: driver, layers: map[string]storedLayer{}}
	if s.driver == "" {
		for _, known := range []string{"overlay", "vfs"} {
			if _, err := os.Stat(filepath.Join(root, known+"-images", "images.json")); err == nil {
				s.driver = known
				break
			}
		}
	}
	if s.driver != "" && s.driver != "overlay" && s.driver != "vfs" {
		return nil, errs.WithHint(errs.Unsupportedf("%s: storage driver %q: rc reads overlay and vfs", root, s.driver), "podman save NAME | rc load")
	}
	err = decodeFile(filepath.Join(root, s.driver+"-images", "images.json"), &s.images)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errs.WithHint(fmt.Errorf("%s: %w: it has no images of podman or buildah", root, errs.ErrNotFound),
			"podman info --format '{{.Store.GraphRoot}}', then containers-storage:[overlay@GRAPHROOT]NAME")
	}
	if err != nil {
		return nil, err
	}
	var layers []storedLayer
	if err := decodeFile(filepath.Join(root, s.driver+"-layers", "layers.json"), &layers); err != nil {
		return nil, err
	}
	for _, l := range layers {
		s.layers[l.ID] = l
	}
	return s, nil
}

func decodeFile(path string, to any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, to); err != nil {
		return errs.Invalidf("%s: %w", path, err)
	}
	return nil
}

// storageRoot reads DRIVER@GRAPHROOT+RUNROOT:OPTIONS; "" is the store that podman takes for this user.
func storageRoot(specification string) (driver, root string, err error) {
	if specification != "" {
		rest := specification
		if before, after, found := strings.Cut(rest, "@"); found {
			driver, rest = before, after
		}
		root, _, _ = strings.Cut(rest, ":")
		root, _, _ = strings.Cut(root, "+")
		if !filepath.IsAbs(root) {
			return "", "", errs.Invalidf("containers-storage:[%s]: want [DRIVER@GRAPHROOT], an absolute path", specification)
		}
		return driver, filepath.Clean(root), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", "", err
	}
	conf := os.Getenv("CONTAINERS_STORAGE_CONF")
	if conf == "" {
		conf = filepath.Join(home, ".config/containers/storage.conf")
		if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
			conf = filepath.Join(dir, "containers/storage.conf")
		}
	}
	var file struct {
		Storage struct {
			Driver    string `toml:"driver"`
			GraphRoot string `toml:"graphroot"`
		} `toml:"storage"`
	}
	if _, err := toml.DecodeFile(conf, &file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", errs.Invalidf("%s: %w", conf, err)
	}
	if file.Storage.GraphRoot != "" {
		return "", os.ExpandEnv(file.Storage.GraphRoot), nil
	}
	data := os.Getenv("XDG_DATA_HOME")
	if data == "" {
		data = filepath.Join(home, ".local/share")
	}
	return "", filepath.Join(data, "containers/storage"), nil
}

// Image finds an image by name, id, or prefix of an id.
func (s *Storage) Image(ref string) (*Image, error) {
	var entries []index.Entry
	for _, i := range s.images {
		entries = append(entries, index.Entry{ID: i.ID, Names: i.Names, Digest: index.Digest(i.Digest), Created: i.Created})
	}
	ix, err := index.Of(&config.Config{DataRoot: s.root}, entries)
	if err != nil {
		return nil, err
	}
	e, err := ix.Find(strings.TrimPrefix(ref, "@"))
	if errors.Is(err, errs.ErrNotFound) {
		return nil, fmt.Errorf("%s: %w", s.root, err)
	}
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(s.images, func(i storedImage) bool { return i.ID == e.ID })
	f, err := s.read(s.images[at])
	if err != nil {
		return nil, fmt.Errorf("%s: image %.12s: %w", s.root, e.ID, err)
	}
	if name := image.NameOf(e, ref); name != "" {
		f.Names = []string{name}
	}
	return f, nil
}

// read reads what is kept of an image.
func (s *Storage) read(i storedImage) (*Image, error) {
	f := &Image{Names: i.Names}
	var err error
	if f.Manifest, err = s.data(i.ID, "manifest"); err != nil {
		return nil, err
	}
	if digest.FromBytes(f.Manifest) != i.Digest {
		// Of an image from a list both are kept; "manifest" may be the list.
		if own, err := s.data(i.ID, "manifest-"+i.Digest.String()); err == nil {
			f.Manifest = own
		}
	}
	var m v1.Manifest
	if err := json.Unmarshal(f.Manifest, &m); err != nil {
		return nil, errs.Invalidf("its manifest: %w", err)
	}
	if m.Config.Digest == "" {
		return nil, errs.WithHint(errs.Unsupportedf("its manifest is a list, or of docker's schema 1"), "podman save NAME | rc load")
	}
	if err := valid(m.Config.Digest); err != nil {
		return nil, err
	}
	if f.Config, err = s.data(i.ID, m.Config.Digest.String()); err != nil {
		return nil, err
	}
	if digest.FromBytes(f.Config) != m.Config.Digest {
		return nil, errs.Invalidf("its configuration is damaged")
	}
	for id := i.Layer; id != ""; {
		l, ok := s.layers[id]
		if !ok || len(f.Layers) > len(s.layers) {
			return nil, errs.Invalidf("layer %.12s is not there", id)
		}
		f.Layers = append(f.Layers, Layer{Digest: l.DiffID, Size: l.Size, Open: func(context.Context) (io.ReadCloser, error) {
			return s.archive(l)
		}})
		id = l.Parent
	}
	slices.Reverse(f.Layers)
	return f, nil
}

// archive reads a layer's archive.
func (s *Storage) archive(l storedLayer) (io.ReadCloser, error) {
	dir := filepath.Join(s.root, "overlay", l.ID, "diff")
	if s.driver == "vfs" {
		dir = filepath.Join(s.root, "vfs/dir", l.ID)
	}
	r, err := layer.Archive(filepath.Join(s.root, s.driver+"-layers", l.ID+".tar-split.gz"), dir)
	if err != nil {
		return nil, errs.WithHint(fmt.Errorf("layer %.12s of podman's store: %w", l.ID, err), "podman save NAME | rc load")
	}
	return r, nil
}

// data reads one of the small files of an image, which are named after their keys.
func (s *Storage) data(id, key string) ([]byte, error) {
	name := key
	if strings.Trim(key, ".0123456789abcdefghijklmnopqrstuvwxyz") != "" {
		name = "=" + base64.StdEncoding.EncodeToString([]byte(key))
	}
	// Names are ids of that store's: hexadecimal.
	return os.ReadFile(filepath.Join(s.root, s.driver+"-images", filepath.Base(id), name))
}
