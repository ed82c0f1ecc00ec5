package image

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
)

// MissingImage stands for the id of an image that a step of the history made and that is not here.
const MissingImage = "<missing>"

// Step is one step by which an image was made.
type Step struct {
	// ID and Tags are of an image that has what was there after this step; MissingImage if none has.
	ID        string
	Tags      []string
	Created   time.Time
	CreatedBy string
	Comment   string
	// Size is that of the step's layer, in bytes, 0 without one.
	Size int64
}

// History gives the steps by which an image was made, the latest first.
func History(cfg *config.Config, ix *index.Index, img *index.Image) ([]Step, error) {
	raw, _, err := index.Raw(cfg, img.ID)
	if err != nil {
		return nil, err
	}
	var c struct {
		History []struct {
			Created    time.Time `json:"created"`
			CreatedBy  string    `json:"created_by"`
			Comment    string    `json:"comment"`
			EmptyLayer bool      `json:"empty_layer"`
		} `json:"history"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, errs.Invalidf("configuration of image %.12s: %w", img.ID, err)
	}
	entries, err := ix.All()
	if err != nil {
		return nil, err
	}
	at := 0 // in the layers, from the topmost down
	var steps []Step
	for i, h := range slices.Backward(c.History) {
		s := Step{ID: MissingImage, Created: h.Created, CreatedBy: h.CreatedBy, Comment: h.Comment}
		if i == len(c.History)-1 {
			s.ID, s.Tags = img.ID, img.Names
		} else if at < len(img.LayerIDs) {
			s.image(entries, img.LayerIDs[at])
		}
		if !h.EmptyLayer && at < len(img.LayerIDs) {
			s.Size = img.Sizes[at]
			at++
		}
		steps = append(steps, s)
	}
	if len(steps) > 0 {
		return steps, nil
	}
	return withoutHistory(entries, img), nil
}

// image finds the images whose topmost layer is the one given.
func (s *Step) image(entries []index.Entry, layer string) {
	for _, e := range entries {
		if e.TopLayer != layer {
			continue
		}
		if s.ID == MissingImage {
			s.ID = e.ID
		}
		s.Tags = append(s.Tags, e.Names...)
	}
}

// withoutHistory makes steps of the layers of an image that says nothing of how it was made.
func withoutHistory(entries []index.Entry, img *index.Image) []Step {
	var steps []Step
	for i, layer := range img.LayerIDs {
		s := Step{ID: MissingImage, Created: img.Created, Size: img.Sizes[i], CreatedBy: fmt.Sprintf("layer %.12s", layer)}
		s.image(entries, layer)
		steps = append(steps, s)
	}
	return steps
}
