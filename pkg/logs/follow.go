package logs

import (
	"context"
	"errors"
	"os"
	"time"
)

// Where inotify says nothing (no instance left, a network file system), looking must do.
const (
	slowPoll = 250 * time.Millisecond
	// fastPoll is for the moment in a rotation in which no file has the log's name. It is not
	// for long: the file may have been removed.
	fastPoll  = 5 * time.Millisecond
	fastPolls = 100
)

// follow reads on until the container has ended. current is nil where there is no file yet.
func (r *reader) follow(ctx context.Context, current *segment) error {
	w := newWatch()
	defer w.close()
	defer func() {
		if current != nil {
			_ = current.f.Close()
		}
	}()
	if current != nil {
		w.set(current)
	}
	for {
		// In this order: what was written before the end is read.
		ended := r.ended()
		if current != nil {
			if err := r.drain(ctx, current); err != nil {
				return err
			}
		}
		next, gap, err := r.successor(current)
		if err != nil {
			return err
		}
		if next != nil {
			if err := r.advance(ctx, current, next, gap); err != nil {
				_ = next.f.Close()
				return err
			}
			if current != nil {
				_ = current.f.Close()
			}
			current = next
			w.set(current)
			continue
		}
		if ended {
			if current == nil {
				return nil
			}
			return r.whole(ctx, current)
		}
		if r.o.Idle != nil {
			r.o.Idle()
		}
		if err := r.wait(ctx, w, current); err != nil {
			return err
		}
	}
}

// advance leaves a file for the next one, whose lock is held before the other's goes.
func (r *reader) advance(ctx context.Context, current, next *segment, gap bool) error {
	next.lock()
	r.fast = 0
	if current != nil {
		if err := r.whole(ctx, current); err != nil { // what came before it was moved
			return err
		}
	}
	if !gap {
		return nil
	}
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

func (r *reader) wait(ctx context.Context, w *watch, current *segment) error {
	pause := slowPoll
	if current != nil && r.fast < fastPolls && !current.is(r.c.Path) {
		pause = fastPoll
		r.fast++
	}
	if !r.o.Until.IsZero() {
		pause = min(pause, max(time.Until(r.o.Until), time.Millisecond))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.o.Ended:
	case <-w.events:
	case <-timer.C:
	}
	return nil
}

// successor opens the next newer file; nil: there is none yet. gap says that there were others
// between which are gone.
func (r *reader) successor(current *segment) (next *segment, gap bool, err error) {
	const attempts = 100
	for range attempts {
		at := -1
		oldest := -1
		for n := range r.c.files() {
			info, err := os.Stat(r.c.rotated(n))
			if err != nil {
				continue
			}
			oldest = n
			if current != nil && os.SameFile(info, current.info) {
				at = n
				break
			}
		}
		switch {
		case at == 0, oldest < 0:
			return nil, false, nil
		case at < 0: // rotated away, or removed by somebody
			next, err := openSegment(r.c.rotated(oldest))
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			return next, current != nil && r.c.files() > 1, err
		}
		n := at - 1
		for ; n >= 0; n-- { // over the gaps that a rotation leaves for a moment, or a killed one for good
			next, err = openSegment(r.c.rotated(n))
			if !errors.Is(err, os.ErrNotExist) {
				break
			}
		}
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil, false, nil // in the middle of a rotation
		case err != nil:
			return nil, false, err
		case current.is(r.c.rotated(at)) && r.missing(n+1, at):
			return next, false, nil
		}
		_ = next.f.Close() // rotated meanwhile: this may be one too far
	}
	return nil, false, nil
}

// missing says whether no file has the numbers from first to before end. Files move from the
// oldest on: where this holds with the oldest in its place, no newer one has moved.
func (r *reader) missing(first, end int) bool {
	for n := first; n < end; n++ {
		if _, err := os.Stat(r.c.rotated(n)); err == nil {
			return false
		}
	}
	return true
}
