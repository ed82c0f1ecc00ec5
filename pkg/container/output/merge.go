package output

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/rc-containers/rc/pkg/logs"
)

// merger puts the lines of several logs in the order of time. Of a log that is followed a line
// may come at any time, so it is waited for only as long as it is known to have more.
type merger struct {
	mu      sync.Mutex
	changed sync.Cond // of any feed
	feeds   []*feed
}

// feed is one log of a merger.
type feed struct {
	source *logSource
	lines  []logs.Line // read and not printed, in their order
	busy   bool        // it is being read
	ended  bool
	err    error
}

// feedLimit is how far a log is read ahead of the others.
const feedLimit = 256

// mergeLogs prints several logs.
func mergeLogs(ctx context.Context, sources []*logSource, o *LogsOptions, p *logPrinter) error {
	m := &merger{}
	m.changed.L = &m.mu
	ctx, cancel := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { m.update(func() {}) })()
	for _, s := range sources {
		f := &feed{source: s, busy: true}
		m.feeds = append(m.feeds, f)
		readers.Go(func() {
			err := s.read(ctx, o, func() { m.update(func() { f.busy = false }) }, func(l logs.Line) error { return m.push(ctx, f, l) })
			m.update(func() { f.busy, f.ended, f.err = false, true, err })
		})
	}
	for {
		f, l := m.pop(false)
		if f == nil {
			p.flush()
			f, l = m.pop(true)
		}
		if f == nil {
			break
		}
		if err := p.print(f.source, l); err != nil {
			return err
		}
	}
	var all error
	for _, f := range m.feeds {
		all = errors.Join(all, f.err)
	}
	return all
}

func (m *merger) update(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
	m.changed.Broadcast()
}

// push adds a line, once there is room for it.
func (m *merger) push(ctx context.Context, f *feed, l logs.Line) error {
	l.Text = slices.Clone(l.Text) // the reader's own until the next line
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(f.lines) >= feedLimit && ctx.Err() == nil {
		m.changed.Wait()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.lines = append(f.lines, l)
	f.busy = true
	m.changed.Broadcast()
	return nil
}

// pop takes the oldest line. Nil: there is none; where it was to wait, there never will be.
func (m *merger) pop(wait bool) (*feed, logs.Line) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		var oldest *feed
		unknown, ended := false, true
		for _, f := range m.feeds {
			ended = ended && f.ended
			switch {
			case len(f.lines) == 0:
				unknown = unknown || f.busy
			case oldest == nil || f.lines[0].Time.Before(oldest.lines[0].Time):
				oldest = f
			}
		}
		if oldest != nil && !unknown {
			l := oldest.lines[0]
			oldest.lines = oldest.lines[1:]
			m.changed.Broadcast()
			return oldest, l
		}
		if !unknown && (ended || !wait) {
			return nil, logs.Line{}
		}
		m.changed.Wait()
	}
}
