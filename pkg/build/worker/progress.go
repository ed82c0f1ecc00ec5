package worker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/errs"
)

// progress tells rc of steps.
type progress struct {
	host *host
	next atomic.Int64
}

// task is one step of what progress shows.
type task struct {
	p      *progress
	number int
	told   atomic.Int64 // when Bytes was last told of, ns
	ended  atomic.Bool
}

// begin shows a new step.
func (p *progress) begin(name string) *task {
	t := &task{p: p, number: int(p.next.Add(1) - 1)}
	t.tell(build.Event{Name: name, State: build.StateBegin})
	return t
}

// warn tells the user something, whatever the progress.
func (p *progress) warn(format string, args ...any) {
	p.host.send(build.Message{Event: &build.Event{Step: -1, Time: time.Now(), Warning: fmt.Sprintf(format, args...)}})
}

func (t *task) tell(e build.Event) {
	e.Step, e.Time = t.number, time.Now()
	t.p.host.send(build.Message{Event: &e})
}

// cached says that there was nothing to do.
func (t *task) cached() {
	t.ended.Store(true)
	t.tell(build.Event{State: build.StateCached})
}

// end says how it went; lines are the instruction's in the Dockerfile, zero for none. It gives err back, and does
// nothing the second time.
func (t *task) end(err error, lines [2]int) error {
	if t.ended.Swap(true) {
		return err
	}
	e := build.Event{State: build.StateDone}
	if err != nil {
		e = build.Event{State: build.StateFailed, Error: err.Error(), Lines: lines}
		if code := errs.Code(err); code != errs.CodeError {
			e.Code = code
		}
		if errors.Is(err, context.Canceled) || errors.Is(err, errInterrupted) || errors.Is(err, errOther) {
			e.Error, e.Lines = "canceled", [2]int{}
		}
	}
	t.tell(e)
	return err
}

// errOther is the end of a step because another one has failed.
var errOther = errors.New("another step has failed")

// Line and Warn are of what is said while a base image is pulled.
func (t *task) Line(format string, args ...any) {
	t.tell(build.Event{Stream: 1, Log: fmt.Appendf(nil, format+"\n", args...)})
}

// Warn tells the user of something.
func (t *task) Warn(format string, args ...any) {
	t.tell(build.Event{Warning: fmt.Sprintf(format, args...)})
}

// often is how often Bytes is told of.
const often = 100 * time.Millisecond

// Bytes says how much of how much is done.
func (t *task) Bytes(current, total int64) {
	now, last := time.Now().UnixNano(), t.told.Load()
	if current < total || total == 0 {
		if now-last < int64(often) || !t.told.CompareAndSwap(last, now) {
			return
		}
	}
	t.tell(build.Event{Current: current, Total: total})
}
