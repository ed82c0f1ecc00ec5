package system

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/config"
)

// builds measures the build cache, and takes the layers that only it has out of layers, which are the images' then.
// sharing has the layers of images.
func (u *Usage) builds(m *meter, cfg *config.Config, layers map[string]int64, sharing map[string]int) error {
	shared := make(map[string]bool, len(sharing))
	for id := range sharing {
		shared[id] = true
	}
	all, err := steps.List(cfg, shared)
	if err != nil || len(all) == 0 {
		return err
	}
	var mine []string
	for i := range all {
		e := &all[i]
		var size int64
		switch {
		case e.Layer != "":
			mine = append(mine, e.Layer)
			e.Size, size = layers[e.Layer], layers[e.Layer]
			if e.Shared {
				size = 0
			}
			// The next step with this layer has it for nothing.
			if !e.Shared {
				delete(layers, e.Layer)
			}
		default:
			if size, err = m.tree(steps.Path(cfg, *e)); err != nil {
				return err
			}
			e.Size = size
		}
		u.BuildsSize += size
		if !e.InUse {
			u.BuildsReclaimable += size
		}
	}
	for _, id := range below(cfg, mine) {
		if !shared[id] {
			u.BuildsSize += layers[id]
			delete(layers, id)
		}
	}
	rest, err := m.tree(steps.Dir(cfg))
	u.BuildsSize += rest
	u.Builds = all
	return err
}

// below are the layers below others, by what the store's overlay driver writes beside each: links in l/ to their
// directories, the nearest first.
func below(cfg *config.Config, layers []string) []string {
	overlay := filepath.Join(cfg.StorageRoot(), "overlay")
	var all []string
	seen := map[string]bool{}
	for _, id := range layers {
		data, err := os.ReadFile(filepath.Join(overlay, id, "lower"))
		if err != nil {
			continue // nothing is below it, or it is gone
		}
		for link := range strings.SplitSeq(string(bytes.TrimSpace(data)), ":") {
			target, err := os.Readlink(filepath.Join(overlay, link))
			if id := filepath.Base(filepath.Dir(target)); err == nil && !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
		}
	}
	return all
}
