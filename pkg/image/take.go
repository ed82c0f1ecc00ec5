package image

import (
	"context"
	"fmt"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
)

// TakeRequest is what the worker is told to bring in from a file, a directory or podman's store.
type TakeRequest struct {
	From     Location `json:"from"`
	Platform Platform `json:"platform"`
	Quiet    bool     `json:"quiet,omitempty"`
}

// take is a pull without a registry.
func take(ctx context.Context, cfg *config.Config, o PullOptions, from Location) ([]*index.Image, error) {
	switch {
	case o.AllTags:
		return nil, errs.Invalidf("pull %s: all tags are asked for, which only registries have", from)
	case o.Policy == Never:
		return nil, fmt.Errorf("pull %s: %w here, and not to be fetched", from, errs.ErrNotFound)
	}
	var loaded []Loaded
	if err := call(ctx, cfg, VerbTake, TakeRequest{From: from, Platform: o.Platform, Quiet: o.Quiet}, &loaded, o.Streams); err != nil {
		return nil, fmt.Errorf("pull %s: %w", from, err)
	}
	var all []*index.Image
	for _, l := range loaded {
		img, err := Resolve(ctx, cfg, l.ID, Platform{})
		if err != nil {
			return nil, fmt.Errorf("pull %s: %w", from, err)
		}
		all = append(all, img)
		tellEach(cfg, "pull", l.ID, l.Names)
	}
	return all, nil
}
