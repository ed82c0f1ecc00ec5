package image

import (
	"context"

	"github.com/rc-containers/rc/pkg/config"
)

// FetchOptions say what is fetched from the web: a small file, no image. rc-image does it since it
// has HTTP and rc has not.
type FetchOptions struct {
	URL  string `json:"url"`
	Path string `json:"path"`  // the file to write, which must not be there
	Max  int64  `json:"limit"` // bytes
}

// Fetch fetches a file; the result is the name that the server, or the URL, gives it.
func Fetch(ctx context.Context, cfg *config.Config, o FetchOptions) (name string, err error) {
	err = call(ctx, cfg, VerbFetch, o, &name, Streams{})
	return name, err
}
