package image

import (
	"log/slog"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/events"
)

// tell writes to the journal what was done to an image.
func tell(cfg *config.Config, status, id, name string) {
	if err := events.Append(cfg.RunRoot, events.Event{Type: events.Image, Status: status, ID: id, Name: name}); err != nil {
		slog.Debug("the journal does not have it", "status", status, "image", id, "error", err)
	}
}

// tellEach tells it of each of an image's names, or once where it has none.
func tellEach(cfg *config.Config, status, id string, names []string) {
	if len(names) == 0 {
		names = []string{""}
	}
	for _, name := range names {
		tell(cfg, status, id, name)
	}
}

// tellRemoved tells of names that are gone and of images.
func tellRemoved(cfg *config.Config, r Removed) {
	last := map[string]string{} // of the images' names
	for _, name := range r.Untagged {
		id := r.IDs[name]
		tell(cfg, "untag", id, name)
		last[id] = name
	}
	for _, id := range r.Deleted {
		tell(cfg, "remove", id, last[id])
	}
}
