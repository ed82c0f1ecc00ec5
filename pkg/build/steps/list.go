package steps

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/linux"
)

// Types of entries, docker's names.
const (
	Regular  = "regular"         // a finished step
	CacheDir = "exec.cachemount" // a directory of RUN --mount=type=cache
	Digest   = "source.local"    // remembered digests of a context
)

// Entry is one thing in the build cache.
type Entry struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	// Text says what it is: the instruction, or the id of a cache mount.
	Text    string    `json:"text"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
	Uses    int       `json:"uses"`
	Size    int64     `json:"size"` // bytes
	// InUse: a build that runs relies on it. Shared: an image has the layer, too, so that pruning it frees nothing.
	InUse  bool `json:"inUse,omitempty"`
	Shared bool `json:"shared,omitempty"`
	// Layer is a step's, Parents are the steps whose layer is below it.
	Layer   string   `json:"layer,omitempty"`
	Parents []string `json:"parents,omitempty"`
}

// Path is the file or directory of an entry, without a step's layer.
func Path(cfg *config.Config, e Entry) string {
	switch e.Type {
	case CacheDir:
		return filepath.Join(mountDir(cfg), e.ID)
	case Digest:
		return filepath.Join(digestDir(cfg), e.ID)
	}
	return recordPath(cfg, e.ID)
}

// List lists the build cache, what was used last first, without the sizes of cache mounts: see MountSizes. shared
// has the layers of images.
func List(cfg *config.Config, shared map[string]bool) ([]Entry, error) {
	records, err := All(cfg)
	if err != nil {
		return nil, err
	}
	pinned, err := Pinned(cfg)
	if err != nil {
		return nil, err
	}
	ofLayer := map[string][]string{}
	for _, r := range records {
		ofLayer[r.Layer] = append(ofLayer[r.Layer], r.Key)
	}
	var all []Entry
	for _, r := range records {
		all = append(all, Entry{
			ID: r.Key, Type: Regular, Text: r.Text, Created: r.Made, Used: r.Used, Uses: r.Uses, Size: r.Size,
			InUse: pinned[r.Layer], Shared: shared[r.Layer], Layer: r.Layer, Parents: ofLayer[r.Parent],
		})
	}
	mounts, err := listMounts(cfg)
	if err != nil {
		return nil, err
	}
	digests, err := listDigests(cfg)
	if err != nil {
		return nil, err
	}
	all = slices.Concat(all, mounts, digests)
	slices.SortStableFunc(all, func(a, b Entry) int { return cmp.Or(b.Used.Compare(a.Used), cmp.Compare(a.ID, b.ID)) })
	return all, nil
}

// Size is what deleting entries would free: layers that several steps have, and those of images, are not counted twice.
func Size(all []Entry) int64 {
	var n int64
	seen := map[string]bool{}
	for _, e := range all {
		if e.Shared || e.Layer != "" && seen[e.Layer] {
			continue
		}
		seen[e.Layer] = true
		n += e.Size
	}
	return n
}

func listMounts(cfg *config.Config) ([]Entry, error) {
	dirs, err := os.ReadDir(mountDir(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list cache mounts: %w", err)
	}
	var all []Entry
	for _, d := range dirs {
		dir := filepath.Join(mountDir(cfg), d.Name())
		e := Entry{ID: d.Name(), Type: CacheDir, InUse: mountInUse(dir)}
		if data, err := os.ReadFile(filepath.Join(dir, infoFile)); err == nil {
			var i mountInfo
			_ = json.Unmarshal(data, &i) // a damaged one has no name
			e.Text, e.Created, e.Uses = i.ID, i.Created, i.Uses
		}
		if info, err := os.Stat(filepath.Join(dir, infoFile)); err == nil {
			e.Used = info.ModTime()
		}
		all = append(all, e)
	}
	return all, nil
}

// MountSizes are what cache mounts take on disk, in bytes, by their ids. The caller is in the default map: their files
// are anybody's.
func MountSizes(cfg *config.Config) (map[string]int64, error) {
	dirs, err := os.ReadDir(mountDir(cfg))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list cache mounts: %w", err)
	}
	sizes := map[string]int64{}
	for _, d := range dirs {
		if sizes[d.Name()], err = usage(filepath.Join(mountDir(cfg), d.Name(), "data")); err != nil {
			return nil, fmt.Errorf("list cache mounts: %w", err)
		}
	}
	return sizes, nil
}

// Sized fills the sizes of cache mounts in.
func Sized(all []Entry, sizes map[string]int64) []Entry {
	for i := range all {
		if all[i].Type == CacheDir {
			all[i].Size = sizes[all[i].ID]
		}
	}
	return all
}

// usage is what a directory takes on disk, in bytes; hard links count once.
func usage(dir string) (n int64, err error) {
	seen := map[uint64]bool{}
	err = linux.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return ignoreGone(err)
		}
		info, err := d.Info()
		if err != nil {
			return ignoreGone(err)
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok || st.Nlink > 1 && !d.IsDir() && seen[st.Ino] {
			return nil
		}
		seen[st.Ino] = true
		n += st.Blocks * 512
		return nil
	})
	return n, err
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func listDigests(cfg *config.Config) ([]Entry, error) {
	files, err := os.ReadDir(digestDir(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list remembered digests: %w", err)
	}
	var all []Entry
	for _, f := range files {
		info, err := f.Info()
		if err != nil || strings.HasPrefix(f.Name(), ".") {
			continue
		}
		all = append(all, Entry{
			ID: f.Name(), Type: Digest, Text: "remembered digests of files", Created: info.ModTime(), Used: info.ModTime(), Size: info.Size(),
		})
	}
	return all, nil
}

// Empty says that there is no build cache.
func Empty(cfg *config.Config) (bool, error) {
	for _, dir := range []string{recordDir(cfg), mountDir(cfg), digestDir(cfg)} {
		entries, err := os.ReadDir(dir)
		if len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return true, nil
}
