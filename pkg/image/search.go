package image

import (
	"context"

	"github.com/rc-containers/rc/pkg/config"
)

// SearchOptions are those of `rc search`.
type SearchOptions struct {
	// Term is looked for, on the registry that it begins with or on all that registries.conf searches.
	Term string `json:"term"`
	// Limit is how many results a registry may give.
	Limit int `json:"limit"`
	// Tags lists the tags of the repository that Term names.
	Tags     bool     `json:"tags,omitempty"`
	Registry Registry `json:"registry"`
	Streams  Streams  `json:"-"`
}

// Found is a repository, or one tag of it, that a search has found.
type Found struct {
	Index       string `json:"index"` // the registry
	Name        string `json:"name"`  // with the registry
	Tag         string `json:"tag,omitempty"`
	Description string `json:"description,omitempty"`
	Stars       int    `json:"stars,omitempty"`
	Official    bool   `json:"official,omitempty"`
	Automated   bool   `json:"automated,omitempty"`
}

// Search asks registries for repositories. One that fails among several is told on the error stream.
func Search(ctx context.Context, cfg *config.Config, o SearchOptions) ([]Found, error) {
	var found []Found
	err := call(ctx, cfg, VerbSearch, o, &found, o.Streams)
	return found, err
}
