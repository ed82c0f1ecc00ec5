package image

import (
	"slices"

	"github.com/rc-containers/rc/pkg/index"
)

// Layer is one layer in a Tree.
type Layer struct {
	ID   string
	Size int64 // bytes, uncompressed
	// Tags are the names of images whose topmost layer it is.
	Tags []string
	// Children are the layers on top of it.
	Children []*Layer
}

// Tree gives the layers of an image, the lowest first.
func Tree(ix *index.Index, img *index.Image) ([]*Layer, error) {
	all, err := layers(ix, img)
	if err != nil {
		return nil, err
	}
	var out []*Layer
	for _, id := range slices.Backward(img.LayerIDs) {
		out = append(out, all[id])
	}
	return out, nil
}

// layers makes a tree of all images' layers.
func layers(ix *index.Index, also *index.Image) (map[string]*Layer, error) {
	entries, err := ix.All()
	if err != nil {
		return nil, err
	}
	all := map[string]*Layer{}
	add := func(img *index.Image) {
		for i, id := range img.LayerIDs {
			if all[id] == nil {
				all[id] = &Layer{ID: id, Size: img.Sizes[i]}
			}
		}
		for i, id := range img.LayerIDs[:max(len(img.LayerIDs)-1, 0)] {
			parent := all[img.LayerIDs[i+1]]
			if !slices.Contains(parent.Children, all[id]) {
				parent.Children = append(parent.Children, all[id])
			}
		}
	}
	add(also)
	for _, e := range entries {
		img, err := ix.Load(e)
		if err != nil {
			continue // it can be damaged, and this is about another one
		}
		add(img)
		if top := all[e.TopLayer]; top != nil {
			top.Tags = append(top.Tags, e.Names...)
		}
	}
	return all, nil
}
