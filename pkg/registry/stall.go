package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.podman.io/image/v5/types"
)

// How long a registry may say nothing. The library knows no limit once a connection stands.
const (
	// answerLimit is for a whole answer that fits into memory, with the pauses that the library
	// makes where it is told "too many requests": four of a minute at most.
	answerLimit = 6 * time.Minute
	// stallLimit is between two pieces of a blob.
	stallLimit = time.Minute
)

// errSilent says that a registry has stopped in the middle. To ask again may help.
var errSilent = errors.New("the registry has sent nothing")

func answer(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, answerLimit, fmt.Errorf("%w for %s", errSilent, answerLimit))
}

// ended puts the cause of a context's end in place of the library's error about it.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errSilent) {
		return cause
	}
	return err
}

// body is a blob on its way: its errors are explained, and silence is one.
type body struct {
	io.ReadCloser
	ctx    context.Context //nolint:containedctx // of the request: it ends with the body
	cancel context.CancelCauseFunc
	ref    types.ImageReference
	limit  time.Duration
	timer  *time.Timer
}

func (s *Source) body(ctx context.Context, cancel context.CancelCauseFunc, r io.ReadCloser) *body {
	limit := s.c.stall
	timer := time.AfterFunc(limit, func() { cancel(fmt.Errorf("%w for %s", errSilent, limit)) })
	timer.Stop()
	return &body{ReadCloser: r, ctx: ctx, cancel: cancel, ref: s.ref, limit: limit, timer: timer}
}

// Read counts as silence only the time that it waits itself: unpacking may take long.
func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(b.limit)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader's end is io.EOF itself
		err = explain(ended(b.ctx, err), b.ref)
	}
	return n, err
}

func (b *body) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}
