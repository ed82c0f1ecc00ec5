package logs

import (
	"context"
	"errors"
	"os"
	"time"
)

// slowPoll is how often is looked where inotify tells nothing.
const slowPoll = 250 * time.Millisecond

// follow reads files that were opened, and what comes, until the container has ended.
func (r *reader) follow(ctx context.Context, segments []*segment) error {
	c, err := newChain(r.c, segments)
	if errors.Is(err, os.ErrNotExist) {
		return nil // removed
	}
	if err != nil {
		return err
	}
	defer c.close()
	w := newWatch(c)
	defer w.close()
	for {
		// In this order: what was written before the end is read.
		ended := r.ended()
		if s, _ := c.first(); s == nil && !ended {
			c.make()
		}
		if err := c.refresh(); err != nil {
			return err
		}
		s, last := c.first()
		switch {
		case s == nil && ended:
			return nil
		case s == nil:
		case !last:
			// Nobody writes to it any more.
			if err := r.whole(ctx, s); err != nil {
				return err
			}
			if c.next().gap {
				if err := r.gap(); err != nil {
					return err
				}
			}
			continue
		case ended:
			return r.whole(ctx, s)
		default:
			if err := r.drain(ctx, s); err != nil {
				return err
			}
		}
		if r.o.Idle != nil {
			r.o.Idle()
		}
		if err := r.wait(ctx, w); err != nil {
			return err
		}
	}
}

// gap tells of what a follower was too slow for.
func (r *reader) gap() error {
	return r.yield(Line{Time: time.Now(), Stream: Stderr, Text: []byte("rc: lines were rotated away before they could be read")})
}

// ended says whether there is nothing to wait for.
func (r *reader) ended() bool {
	if !r.o.Until.IsZero() && time.Now().After(r.o.Until) {
		return true
	}
	select {
	case <-r.o.Ended:
		return true
	default:
		return false
	}
}

func (r *reader) wait(ctx context.Context, w *watch) error {
	pause := slowPoll
	if !r.o.Until.IsZero() {
		pause = min(pause, max(time.Until(r.o.Until), time.Millisecond))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.o.Ended:
	case <-w.changed:
	case <-timer.C:
	}
	return nil
}
