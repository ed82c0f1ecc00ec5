package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	storage "go.podman.io/storage"

	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/index"
)

// Sweep deletes what belongs to no image: layers and half-made images of killed processes.
// While others pull it leaves all of that alone, since it may be theirs. parts deletes, too, what has
// arrived of layers whose pulls were broken off. The caller holds index.Hold exclusively.
func (s *Store) Sweep(parts bool) error {
	switch err := s.pulls.Upgrade(); {
	case errors.Is(err, index.ErrLocked):
		return nil
	case err != nil:
		return err
	}
	defer s.pulls.Downgrade()
	images, err := s.lib.Images()
	if err != nil {
		return fmt.Errorf("clean up the image store: %w", err)
	}
	for _, img := range images {
		if _, err := s.lib.ImageBigData(img.ID, keyConfig(img.ID)); err == nil && finished(&img) || len(img.Names) > 0 {
			continue
		}
		if _, err := s.remove(img.ID); err != nil && !errors.Is(err, storage.ErrImageUnknown) {
			return fmt.Errorf("clean up the image store: %w", err)
		}
	}
	if err := s.sweepLayers(); err != nil {
		return fmt.Errorf("clean up the image store: %w", err)
	}
	if err := s.sweepMarks(); err != nil {
		return fmt.Errorf("clean up the image store: %w", err)
	}
	if err := s.sweepKnown(); err != nil {
		return fmt.Errorf("clean up the image store: %w", err)
	}
	if err := s.sweepFetching(parts); err != nil {
		return fmt.Errorf("clean up the image store: %w", err)
	}
	return nil
}

// sweepLayers deletes layers that no image reaches and no build keeps, children first.
func (s *Store) sweepLayers() error {
	used, err := s.Reached()
	if err != nil {
		return err
	}
	kept, err := steps.Kept(s.cfg)
	if err != nil {
		return err
	}
	parents, err := s.parents()
	if err != nil {
		return err
	}
	maps.Copy(used, closure(parents, slices.Collect(maps.Keys(kept))))
	children := make(map[string]int, len(parents))
	for _, parent := range parents {
		children[parent]++
	}
	var leaves []string
	for id := range parents {
		if children[id] == 0 && !used[id] {
			leaves = append(leaves, id)
		}
	}
	for len(leaves) > 0 {
		id := leaves[0]
		leaves = leaves[1:]
		if err := s.lib.DeleteLayer(id); err != nil && !errors.Is(err, storage.ErrLayerUnknown) {
			return err
		}
		if p := parents[id]; p != "" && !used[p] {
			if children[p]--; children[p] == 0 {
				leaves = append(leaves, p)
			}
		}
	}
	return nil
}
