package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/logs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// LogsOptions say what of the logs of containers to show, and how.
type LogsOptions struct {
	// Follow goes on until all the containers have ended.
	Follow bool
	// Tail is how many of the last lines of each; logs.All is all.
	Tail         int
	Since, Until time.Time // zero is no bound
	Timestamps   bool
	// Prefix puts names before the lines; of several containers short ids are put there
	// otherwise.
	Prefix, Color bool
	// Details puts the container's log tag before the lines, where it has one.
	Details bool
	// Out and Err take what the containers printed to their standard output and error, byte for
	// byte.
	Out, Err io.Writer
}

// Logs shows the logs of the containers ids, of several in the order of time.
func Logs(ctx context.Context, cfg *config.Config, ids []string, o LogsOptions) error {
	root := records.Of(cfg)
	var sources []*logSource
	for i, id := range ids {
		s, err := newLogSource(root, id)
		if err != nil {
			return err
		}
		s.number = i
		sources = append(sources, s)
	}
	p := newLogPrinter(&o, len(sources) > 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	if len(sources) == 1 {
		s := sources[0]
		err = s.read(ctx, &o, p.flush, func(l logs.Line) error { return p.print(s, l) })
	} else {
		err = mergeLogs(ctx, sources, &o, p)
	}
	return errors.Join(err, p.flushed())
}

// logSource is the log of one container.
type logSource struct {
	root   state.Root
	id     string
	name   string
	number int
	config logs.Config
}

func newLogSource(root state.Root, id string) (*logSource, error) {
	c, err := root.Load(id)
	if err != nil {
		return nil, err
	}
	switch c.Log.Driver {
	case logs.None, logs.Passthrough:
		return nil, errs.WithHint(errs.Unsupportedf("logs of container %q: its log driver is %s: nothing is kept", c.Name, c.Log.Driver),
			"rc run --log-driver "+spec.LogDrivers()[0]+" …")
	}
	return &logSource{root: root, id: id, name: c.Name, config: logs.Config{
		Driver: c.Log.Driver, Path: c.Log.File(root.Dir(id)), MaxSize: c.Log.MaxSize, MaxFiles: c.Log.MaxFiles, ID: c.ID, Name: c.Name,
		Tag: c.Log.Tag,
	}}, nil
}

func (s *logSource) read(ctx context.Context, o *LogsOptions, idle func(), yield func(logs.Line) error) error {
	ro := logs.ReadOptions{Follow: o.Follow, Tail: o.Tail, Since: o.Since, Until: o.Until, Idle: idle}
	if o.Follow {
		ended := make(chan struct{})
		ro.Ended = ended
		go func() {
			s.awaitEnd(ctx)
			close(ended)
		}()
	}
	err := logs.Read(ctx, s.config, ro, yield)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("logs of container %q: %w", s.name, err)
	}
	return err
}

// awaitEnd waits until nobody looks after the container any more, its shim having written
// all: not for the end of one of several lives.
func (s *logSource) awaitEnd(ctx context.Context) {
	for ctx.Err() == nil {
		e, err := s.root.Find(s.id)
		if err != nil || e.State == nil {
			return // it was removed, or does not run
		}
		shim, err := lifecycle.OpenProcess(e.State.ShimPID, e.State.ShimStart)
		if err != nil || shim == nil {
			return
		}
		const forEver = 365 * 24 * time.Hour
		_, err = lifecycle.AwaitEnd(ctx, shim, forEver)
		shim.Close()
		if err != nil {
			return
		}
	}
}
