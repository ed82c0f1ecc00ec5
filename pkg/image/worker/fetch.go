package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

// fetch writes what a URL gives into a file, and tells its name.
func fetch(ctx context.Context, _ *config.Config, o image.FetchOptions) (name string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.URL, nil)
	if err != nil {
		return "", fmt.Errorf("fetch: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("fetch: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", errs.Invalidf("fetch %s: the server answers %s", o.URL, response.Status)
	}
	f, err := os.OpenFile(o.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", o.URL, err)
	}
	n, err := io.Copy(f, io.LimitReader(response.Body, o.Max+1))
	if err == nil && n > o.Max {
		err = errs.Invalidf("it is larger than %d KB", o.Max>>10)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("fetch %s: %w", o.URL, err)
	}
	return fetchedName(response), nil
}

// fetchedName is the name in Content-Disposition, else the last part of the URL that was asked for
// last. It has no directory in it.
func fetchedName(r *http.Response) string {
	if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		return path.Base(params["filename"])
	}
	return path.Base(r.Request.URL.Path)
}
