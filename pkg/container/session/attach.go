package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
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
	e, err := records.Of(cfg).Find(id)
	if err != nil {
		return 0, err
	}
	if e.Status != state.Running {
		return 0, records.NotRunning("attach to", e)
	}
	return Connect(ctx, cfg, e, o, nil)
}

// Connect calls begin, which may be nil, once it is connected.
func Connect(ctx context.Context, cfg *config.Config, e *state.Entry, o AttachOptions, begin func() error) (int, error) {
	client, err := shim.Dial(records.Of(cfg).RunDir(e.ID))
	if err != nil {
		return 0, records.AskError("attach to", e, err)
	}
	defer func() { _ = client.Close() }()
	event, err := client.Attach(o.Stdin, o.Streams.Out, o.Streams.Err)
	if err != nil {
		return 0, records.AskError("attach to", e, err)
	}
	if begin != nil {
		if err := begin(); err != nil {
			return 0, err
		}
	}
	records.Emit(cfg, "attach", e)
	s := &Session{Client: client, Streams: o.Streams, Input: o.Stdin, Keys: o.DetachKeys}
	if o.SigProxy {
		s.Signals = make(chan os.Signal, cap(CatchSignals()))
		CatchAllSignals(s.Signals)
	} else {
		stop := context.AfterFunc(ctx, client.Shutdown)
		defer stop()
	}
	end, err := s.Run(ctx, event)
	switch {
	case errors.Is(err, ErrTerminal):
		return 0, err
	case err != nil:
		return 0, errs.WithCode(fmt.Errorf("attach to container %q: %w", e.Name, err), errs.CodeSignal+9)
	}
	slog.Debug("attached no more", "code", end.Code, "detached", end.Detached)
	return end.Code, Unwritten(end)
}
