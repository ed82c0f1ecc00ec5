package index

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
)

// version is of both file formats; another one makes an index stale.
const version = 2

// Entry is what a list of images needs to know: one line of index.json.
type Entry struct {
	ID      string    `json:"id"` // 64 hex digits
	Names   []string  `json:"names,omitempty"`
	Digest  Digest    `json:"digest,omitempty"`  // of the manifest
	Digests []Digest  `json:"digests,omitempty"` // of every manifest that gave this image, a list's too
	Created time.Time `json:"created,omitzero"`
	Size    int64     `json:"size"` // bytes of all layers, uncompressed
	OS      string    `json:"os"`
	Arch    string    `json:"arch"`
	Variant string    `json:"variant,omitempty"`
	// NamesHistory are the names that it has had, the newest first, where they are not Names.
	NamesHistory []string `json:"namesHistory,omitempty"`
	TopLayer     string   `json:"topLayer,omitempty"`
	Layers       int      `json:"layers"`
}

// PastNames are all names that the image has had, the newest first.
func (e Entry) PastNames() []string {
	if e.NamesHistory != nil {
		return e.NamesHistory
	}
	return e.Names
}

// Broken is an image in the store that lacks something, and so is in no list.
type Broken struct {
	ID      string   `json:"id"`
	Names   []string `json:"names,omitempty"`
	Problem string   `json:"problem"`
}

// Config is how an image wants to be run, with the fields that only docker has.
type Config struct {
	ImageConfig
	Healthcheck json.RawMessage `json:"Healthcheck,omitempty"`
	OnBuild     []string        `json:"OnBuild,omitempty"`
	Shell       []string        `json:"Shell,omitempty"`
}

// Record is what images/<id>.json holds.
type Record struct {
	Version int    `json:"version"`
	Config  Config `json:"config"`
	Author  string `json:"author,omitempty"`
	Comment string `json:"comment,omitempty"`
	// LayerIDs name the layers' directories, topmost first.
	LayerIDs []string `json:"layerIDs"`
	// Sizes are the layers', in bytes, uncompressed.
	Sizes []int64 `json:"sizes"`
	// FuseOnly says that a layer's whiteouts are of the kind that only fuse-overlayfs
	// understands (".wh." files): the store's file system has no user.* attributes, or the
	// kernel is older than 5.8.
	FuseOnly bool `json:"fuseOnly,omitempty"`
}

// Image is everything that rc knows of one image.
type Image struct {
	Entry
	Record
	// Lower are the layers' directories, topmost first; absolute paths.
	Lower []string
}

// check identifies a state of the store.
type check struct {
	Images string `json:"images"` // contents of images.lock
	Layers string `json:"layers"`
	Files  []file `json:"files"`
}

// file identifies one version of a file that is replaced by rename(2).
type file struct {
	Inode uint64 `json:"inode"`
	Size  int64  `json:"size"`
	MTime int64  `json:"mtime"` // ns
}

type header struct {
	Version int      `json:"version"`
	Check   check    `json:"check"`
	Broken  []Broken `json:"broken,omitempty"`
}

// Index is one reading of index.json.
type Index struct {
	// Stale says that the store has changed since: see image.Refresh.
	Stale bool
	// Broken are images that cannot be used.
	Broken []Broken

	root string
	data []byte // the lines of the images
}

// Read reads the index, and whether it still says what the store has. A store that was never made
// is an empty index, not a stale one.
func Read(cfg *config.Config) (*Index, error) {
	ix := &Index{root: cfg.DataRoot}
	data, err := os.ReadFile(cfg.IndexPath())
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Lstat(filepath.Join(cfg.StorageRoot(), "overlay-images", "images.json"))
		ix.Stale = err == nil
		return ix, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the image index: %w", err)
	}
	first, rest, _ := bytes.Cut(data, []byte{'\n'})
	ix.data = rest
	var h header
	ix.Stale = !h.read(first) || !h.current(cfg)
	ix.Broken = h.Broken
	return ix, nil
}

// read says whether a line is a header of ours.
func (h *header) read(line []byte) bool {
	return json.Unmarshal(line, h) == nil && h.Version == version
}

// current says whether the store is as it was when the index was built; one that cannot be
// looked at is not.
func (h *header) current(cfg *config.Config) bool {
	now, err := current(cfg.StorageRoot())
	return err == nil && h.Check.equal(now)
}

func (c check) equal(d check) bool {
	if c.Images != d.Images || c.Layers != d.Layers || len(c.Files) != len(d.Files) {
		return false
	}
	for i := range c.Files {
		if c.Files[i] != d.Files[i] {
			return false
		}
	}
	return true
}

// All decodes every image's line.
func (ix *Index) All() ([]Entry, error) {
	var all []Entry
	for line := range bytes.Lines(ix.data) {
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, errs.Invalidf("read the image index: %w", err)
		}
		all = append(all, e)
	}
	return all, nil
}

// Load adds an image's configuration and layers to its line. The error of an image whose
// file is missing or damaged is fs.ErrNotExist or errs.ErrInvalid: the index is to be built anew.
func (ix *Index) Load(e Entry) (*Image, error) {
	r, err := readRecord(ix.root, e.ID)
	if err != nil {
		return nil, err
	}
	img := &Image{Entry: e, Record: *r, Lower: make([]string, 0, len(r.LayerIDs))}
	for _, id := range r.LayerIDs {
		img.Lower = append(img.Lower, ix.root+"/storage/overlay/"+id+"/diff")
	}
	return img, nil
}

func recordPath(root, id string) string { return filepath.Join(root, "images", id+".json") }

func readRecord(root, id string) (*Record, error) {
	data, err := os.ReadFile(recordPath(root, id))
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", id, err)
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, errs.Invalidf("read image %s: %w", id, err)
	}
	if r.Version != version {
		return nil, errs.Invalidf("read image %s: its record is of version %d", id, r.Version)
	}
	return &r, nil
}
