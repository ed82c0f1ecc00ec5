package image

import (
	"context"
	"time"

	"github.com/rc-containers/rc/pkg/config"
)

// VerbCheck is the worker's verb for Check.
const VerbCheck = "check"

// CheckOptions are those of `rc system check` that are about images.
type CheckOptions struct {
	// Quick leaves out what has to read all files.
	Quick bool `json:"quick,omitempty"`
	// Max is how old a layer may be that no image has: it could be of a pull that goes on.
	Max time.Duration `json:"max,omitempty"`
	// Repair removes what is damaged, but for images that containers were made from.
	Repair bool `json:"repair,omitempty"`
}

// Damaged is something in the store that should not be so.
type Damaged struct {
	Object  string `json:"object"`
	Problem string `json:"problem"`
	// Image is the damaged image, "" where it is about something else.
	Image string `json:"image,omitempty"`
	// Names are the image's.
	Names []string `json:"names,omitempty"`
	// Containers are the ids of those that were made from it.
	Containers []string `json:"containers,omitempty"`
	// Removed says that it has been removed, Mended that it is whole again; Kept is why neither.
	Removed bool   `json:"removed,omitempty"`
	Mended  bool   `json:"mended,omitempty"`
	Kept    string `json:"kept,omitempty"`
}

// Check looks for damaged images and for remains of pulls.
func Check(ctx context.Context, cfg *config.Config, o CheckOptions) ([]Damaged, error) {
	var found []Damaged
	if err := call(ctx, cfg, VerbCheck, o, &found, Streams{}); err != nil {
		return nil, err
	}
	for _, d := range found {
		if d.Removed && d.Image != "" {
			tell(cfg, "remove", d.Image, "")
		}
	}
	return found, nil
}
