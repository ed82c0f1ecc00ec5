package system

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/state"
)

// Usage is what takes space below the data root, in bytes of disk blocks. The four totals
// together are all of it.
type Usage struct {
	Images     []ImageUsage
	Containers []ContainerUsage
	Volumes    []VolumeUsage
	Builds     []steps.Entry
	// ImagesSize is that of the image store, with what pulls are unpacking and what killed ones left.
	ImagesSize, ImagesReclaimable int64
	// ContainersSize has the removed containers in it whose files wait to be deleted.
	ContainersSize, ContainersReclaimable int64
	VolumesSize, VolumesReclaimable       int64
	// BuildsSize is that of the build cache, but for layers that images have, too.
	BuildsSize, BuildsReclaimable int64
}

// ImageUsage is one image: Shared is what other images have, too.
type ImageUsage struct {
	index.Entry
	Size, Shared, Unique int64
	Containers           int
}

// ContainerUsage is one container without its volumes, which are counted.
type ContainerUsage struct {
	state.Entry
	Volumes int
	Size    int64
}

// VolumeUsage is one volume, or a directory that a container of before rc had volumes has in
// place of one.
type VolumeUsage struct {
	Name   string
	Links  int // containers
	Size   int64
	Active bool // a container has it
}

// MeasureUsage reads the sizes of all files. It runs in the default map, since directories may
// belong to subordinate ids.
func MeasureUsage(ctx context.Context, cfg *config.Config) (*Usage, error) {
	m := newMeter(ctx)
	u := &Usage{}
	// First: what images hard-link is theirs.
	if err := u.images(m, cfg); err != nil {
		return nil, err
	}
	if err := u.containers(m, records.Of(cfg)); err != nil {
		return nil, err
	}
	if err := u.volumes(m, cfg); err != nil {
		return nil, err
	}
	// The rest (names, records, the skeleton) is there because of containers.
	rest, err := m.tree(cfg.DataRoot)
	u.ContainersSize += rest
	return u, err
}

// meter adds up disk blocks, each inode once.
type meter struct {
	ctx  context.Context //nolint:containedctx // lives for one call
	seen map[inode]bool
}

func newMeter(ctx context.Context) *meter { return &meter{ctx: ctx, seen: map[inode]bool{}} }

type inode struct{ dev, ino uint64 }

// tree is the size of a file or directory with all below it on the same file system, without
// what has been counted before.
func (m *meter) tree(path string) (int64, error) {
	var total int64
	var device uint64
	err := linux.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if m.ctx.Err() != nil {
			return context.Cause(m.ctx)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			if errors.Is(err, unix.ENOENT) {
				return nil
			}
			return &fs.PathError{Op: "lstat", Path: path, Err: err}
		}
		if device == 0 {
			device = st.Dev
		} else if st.Dev != device {
			if d.IsDir() {
				return fs.SkipDir // mounted here
			}
			return nil
		}
		if at := (inode{st.Dev, st.Ino}); !m.seen[at] {
			m.seen[at] = true
			total += st.Blocks * 512
		}
		return nil
	})
	return total, err
}

// images measures the store, layer by layer.
func (u *Usage) images(m *meter, cfg *config.Config) error {
	ix, err := index.Read(cfg)
	if err != nil {
		return err
	}
	entries, err := ix.All()
	if err != nil {
		return err
	}
	users := map[string]int{}
	containers, _ := records.Of(cfg).List() // a broken record is told by ps
	for _, c := range containers {
		users[c.ImageID]++
		for _, id := range c.MountedImages {
			users[id]++
		}
	}
	layers, err := layerSizes(m, cfg)
	if err != nil {
		return err
	}
	sharing, needed := map[string]int{}, map[string]bool{}
	stacks := make([][]string, len(entries))
	for i, e := range entries {
		if img, err := ix.Load(e); err == nil {
			stacks[i] = img.LayerIDs
		}
		for _, id := range stacks[i] {
			sharing[id]++
			needed[id] = needed[id] || users[e.ID] > 0
		}
	}
	for i, e := range entries {
		usage := ImageUsage{Entry: e, Containers: users[e.ID]}
		for _, id := range stacks[i] {
			usage.Size += layers[id]
			if sharing[id] > 1 {
				usage.Shared += layers[id]
			}
		}
		usage.Unique = usage.Size - usage.Shared
		u.Images = append(u.Images, usage)
	}
	if err := u.builds(m, cfg, layers, sharing); err != nil {
		return err
	}
	for id, size := range layers {
		u.ImagesSize += size
		if !needed[id] {
			u.ImagesReclaimable += size
		}
	}
	for _, remains := range []string{"staging", "fetching"} {
		size, err := m.tree(filepath.Join(cfg.StorageRoot(), remains))
		if err != nil {
			return err
		}
		u.ImagesSize += size
		u.ImagesReclaimable += size
	}
	for _, path := range []string{cfg.StorageRoot(), filepath.Join(cfg.DataRoot, "images"), cfg.IndexPath(), filepath.Join(cfg.DataRoot, "images.lock")} {
		size, err := m.tree(path)
		if err != nil {
			return err
		}
		u.ImagesSize += size
	}
	return nil
}

// layerSizes measures each layer's directory.
func layerSizes(m *meter, cfg *config.Config) (map[string]int64, error) {
	base := filepath.Join(cfg.StorageRoot(), "overlay")
	dirs, err := os.ReadDir(base)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, d := range dirs {
		if len(d.Name()) != 64 {
			continue
		}
		size, err := m.tree(filepath.Join(base, d.Name()))
		if err != nil {
			return nil, err
		}
		sizes[d.Name()] = size
	}
	return sizes, nil
}

// volumes measures volumes. Those that no container has could be had back.
func (u *Usage) volumes(m *meter, cfg *config.Config) error {
	root := records.Volumes(cfg)
	names, err := root.Names()
	if err != nil {
		return err
	}
	users, _ := records.Of(cfg).VolumeUsers() // a broken record is told by ps
	for _, name := range names {
		size, err := m.tree(root.Dir(name))
		if err != nil {
			return err
		}
		u.Volumes = append(u.Volumes, VolumeUsage{Name: name, Links: len(users[name]), Size: size, Active: len(users[name]) > 0})
		u.VolumesSize += size
		if len(users[name]) == 0 {
			u.VolumesReclaimable += size
		}
	}
	return nil
}

// containers measures the directories of containers and their volumes, and trash/.
func (u *Usage) containers(m *meter, root state.Root) error {
	entries, _ := root.List()
	for _, e := range entries {
		volumes := filepath.Join(root.Dir(e.ID), "volumes")
		dirs, err := os.ReadDir(volumes)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, d := range dirs {
			size, err := m.tree(filepath.Join(volumes, d.Name()))
			if err != nil {
				return err
			}
			u.Volumes = append(u.Volumes, VolumeUsage{Name: e.Name + ":" + d.Name(), Links: 1, Size: size, Active: e.Alive()})
			u.VolumesSize += size
			if !e.Alive() {
				u.VolumesReclaimable += size
			}
		}
		size, err := m.tree(root.Dir(e.ID))
		if err != nil {
			return err
		}
		u.Containers = append(u.Containers, ContainerUsage{Entry: e, Volumes: len(dirs) + len(e.Volumes), Size: size})
		u.ContainersSize += size
		if !e.Alive() {
			u.ContainersReclaimable += size
		}
	}
	removed, err := m.tree(root.TrashDir())
	u.ContainersSize += removed
	u.ContainersReclaimable += removed
	return err
}
