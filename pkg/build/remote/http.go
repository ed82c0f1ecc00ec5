package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
)

// silence is how long a server may say nothing, in the middle of a file too.
const silence = time.Minute

// errSilent says that it has.
var errSilent = fmt.Errorf("the server has sent nothing for %s", silence)

// Get asks for a URL. The caller closes the body; reading it fails once the server is silent for a minute. Of statuses
// 200 is no error, nor is 304 where header asks for it.
func Get(ctx context.Context, url string, header http.Header) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		cancel(nil)
		return nil, errs.Invalidf("%v", err)
	}
	maps.Copy(request.Header, header)
	request.Header.Set("User-Agent", "rc")
	timer := time.AfterFunc(silence, func() { cancel(errSilent) })
	response, err := (&http.Client{}).Do(request)
	timer.Stop()
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNotModified {
		response.Body.Close()
		cancel(nil)
		return nil, fmt.Errorf("the server answers %s: %w", response.Status, errs.ErrInvalid)
	}
	response.Body = &body{ReadCloser: response.Body, ctx: ctx, cancel: cancel, timer: timer}
	return response, nil
}

// body is an answer on its way.
type body struct {
	io.ReadCloser
	ctx    context.Context //nolint:containedctx // of the request: it ends with the body
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

// Read counts as silence only the time that it waits itself.
func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(silence)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if cause := context.Cause(b.ctx); err != nil && errors.Is(cause, errSilent) {
		err = cause
	}
	return n, err
}

func (b *body) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
