package container

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/state"
)

// AttachOptions say how to connect with a container.
type AttachOptions struct {
	// Stdin hands on the caller's standard input, where the container's is open (-i).
	Stdin      bool
	DetachKeys []byte
	// SigProxy hands rc's signals on to the container's first process.
	SigProxy bool
	Streams  Streams
}

// Attach connects the caller with the container id until that ends, whose exit code is the
// result, or the caller detaches. What was printed before is in the log only.
func Attach(ctx context.Context, cfg *config.Config, id string, o AttachOptions) (int, error) {
	e, err := Records(cfg).Find(id)
	if err != nil {
		return 0, err
	}
	if e.Status != state.Running {
		return 0, notRunning("attach to", e)
	}
	return attach(ctx, cfg, e, o, nil)
}

// attach calls begin, which may be nil, once it is connected.
func attach(ctx context.Context, cfg *config.Config, e *state.Entry, o AttachOptions, begin func() error) (int, error) {
	client, err := shim.Dial(Records(cfg).RunDir(e.ID))
	if err != nil {
		return 0, askError("attach to", e, err)
	}
	defer func() { _ = client.Close() }()
	event, err := client.Attach(o.Stdin, o.Streams.Out, o.Streams.Err)
	if err != nil {
		return 0, askError("attach to", e, err)
	}
	if begin != nil {
		if err := begin(); err != nil {
			return 0, err
		}
	}
	emit(cfg, "attach", e)
	s := &session{client: client, streams: o.Streams, input: o.Stdin, keys: o.DetachKeys}
	if o.SigProxy {
		s.signals = make(chan os.Signal, cap(catchSignals()))
		catchAllSignals(s.signals)
	} else {
		stop := context.AfterFunc(ctx, client.Shutdown)
		defer stop()
	}
	end, err := s.run(ctx, event)
	switch {
	case errors.Is(err, errTerminal):
		return 0, err
	case err != nil:
		return 0, errs.WithCode(fmt.Errorf("attach to container %q: %w", e.Name, err), errs.CodeSignal+9)
	}
	slog.Debug("attached no more", "code", end.Code, "detached", end.Detached)
	return end.Code, unwritten(end)
}
