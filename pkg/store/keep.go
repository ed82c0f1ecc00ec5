package store

import (
	"errors"
	"fmt"

	storage "go.podman.io/storage"

	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/errs"
)

// Remove deletes an image, and every layer of it that no other image has and no build keeps; it gives the layers'
// ids. The caller holds index.Hold exclusively and has looked for containers.
func (s *Store) Remove(id string) ([]string, error) {
	layers, err := s.remove(id)
	if errors.Is(err, storage.ErrImageUnknown) {
		return nil, fmt.Errorf("delete image %.12s: %w", id, errs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("delete image %.12s: %w", id, err)
	}
	return layers, nil
}

func (s *Store) remove(id string) ([]string, error) {
	kept, err := steps.Kept(s.cfg)
	if err != nil {
		return nil, err
	}
	img, err := s.lib.Image(id)
	if err != nil {
		return nil, err
	}
	any, err := s.keeps(kept, img.TopLayer)
	if err != nil {
		return nil, err
	}
	if !any {
		return s.lib.DeleteImage(id, true)
	}
	if err := s.lib.Delete(img.ID); err != nil {
		return nil, err
	}
	return s.release(kept, img.TopLayer)
}

// keeps says whether a layer, or one below it, is kept.
func (s *Store) keeps(kept map[string]bool, id string) (bool, error) {
	for id != "" && len(kept) > 0 {
		if kept[id] {
			return true, nil
		}
		l, err := s.lib.Layer(id)
		if errors.Is(err, storage.ErrLayerUnknown) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		id = l.Parent
	}
	return false, nil
}

// release deletes a layer and those below it, down to the first that is needed.
func (s *Store) release(kept map[string]bool, id string) (deleted []string, err error) {
	for id != "" && !kept[id] {
		l, err := s.lib.Layer(id)
		if err == nil {
			err = s.lib.DeleteLayer(id)
		}
		switch {
		case errors.Is(err, storage.ErrLayerHasChildren), errors.Is(err, storage.ErrLayerUsedByImage), errors.Is(err, storage.ErrLayerUnknown):
			return deleted, nil
		case err != nil:
			return deleted, err
		}
		deleted = append(deleted, id)
		id = l.Parent
	}
	return deleted, nil
}

// Drop deletes layers that no image has and nothing keeps; it gives the ids of those that it has deleted. The caller
// holds index.Hold exclusively.
func (s *Store) Drop(layers []string) ([]string, error) {
	kept, err := steps.Kept(s.cfg)
	if err != nil {
		return nil, err
	}
	var all []string
	for again := true; again; {
		again = false
		// A layer goes after those on top of it, which come in any order.
		for _, id := range layers {
			deleted, err := s.release(kept, id)
			if err != nil {
				return all, fmt.Errorf("delete layer %.12s: %w", id, err)
			}
			all = append(all, deleted...)
			again = again || len(deleted) > 0
		}
	}
	return all, nil
}

// Reached are the layers that images have, all the way down.
func (s *Store) Reached() (map[string]bool, error) {
	images, err := s.lib.Images()
	if err != nil {
		return nil, err
	}
	tops := make([]string, 0, len(images))
	for _, img := range images {
		tops = append(tops, img.TopLayer)
	}
	parents, err := s.parents()
	if err != nil {
		return nil, err
	}
	return closure(parents, tops), nil
}

// parents has the layer below each layer.
func (s *Store) parents() (map[string]string, error) {
	layers, err := s.lib.Layers()
	if err != nil {
		return nil, err
	}
	parents := make(map[string]string, len(layers))
	for _, l := range layers {
		parents[l.ID] = l.Parent
	}
	return parents, nil
}

// closure are layers and all those below them.
func closure(parents map[string]string, tops []string) map[string]bool {
	all := make(map[string]bool, len(parents))
	for _, id := range tops {
		for ; id != "" && !all[id]; id = parents[id] {
			all[id] = true
		}
	}
	return all
}
