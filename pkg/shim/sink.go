package shim

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// sink is somebody who has attached: what a container prints is written to files of theirs,
// by a goroutine of its own. One that does not read holds the container up for a second,
// once; what it then does not read in time it does not get, and is told how much that was.
type sink struct {
	files [3]*os.File // by stream
	queue chan chunk
	done  chan struct{} // closed when all was written, or the reader is gone

	unwritten unwritten

	mu      sync.Mutex
	closed  bool
	stalled bool
	lost    int
}

type chunk struct {
	stream int
	data   []byte
}

const (
	sinkQueue    = 64 // chunks, each at most a buffer
	sinkPatience = time.Second
	sinkEnd      = 2 * time.Second // how long the end of a container waits for the last of it
)

// newSink writes to out and err, either of which may be nil, and closes them.
func newSink(out, err *os.File) *sink {
	k := &sink{files: [3]*os.File{stdout: out, stderr: err}, queue: make(chan chunk, sinkQueue), done: make(chan struct{})}
	go k.run()
	return k
}

// put hands a copy of p on.
func (k *sink) put(stream int, p []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || k.files[stream] == nil {
		return
	}
	select {
	case k.queue <- chunk{stream, append([]byte(nil), p...)}:
		k.recovered()
		return
	default:
	}
	if !k.stalled {
		patience := time.NewTimer(sinkPatience)
		defer patience.Stop()
		select {
		case k.queue <- chunk{stream, append([]byte(nil), p...)}:
			return
		case <-k.done:
			return
		case <-patience.C:
		}
	}
	k.stalled = true
	k.lost += len(p)
}

// recovered tells a reader that reads again what it has missed.
func (k *sink) recovered() {
	if k.lost == 0 {
		k.stalled = false
		return
	}
	notice := chunk{stderr, fmt.Appendf(nil, "\r\nrc attach: %d bytes were not read in time and are in the log only\r\n", k.lost)}
	select {
	case k.queue <- notice:
		k.lost, k.stalled = 0, false
	default:
	}
}

// close lets the goroutine end, once it has written what there is.
func (k *sink) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		k.closed = true
		close(k.queue)
	}
}

// finish waits for that, not for ever.
func (k *sink) finish() {
	k.close()
	select {
	case <-k.done:
	case <-time.After(sinkEnd):
	}
}

func (k *sink) run() {
	defer close(k.done)
	defer func() {
		for _, f := range k.files {
			if f != nil {
				_ = f.Close()
			}
		}
	}()
	for c := range k.queue {
		f := k.files[c.stream]
		if f == nil {
			f = k.files[stdout]
		}
		if f == nil {
			continue
		}
		if _, err := f.Write(c.data); err != nil {
			k.unwritten.note(c.stream, f, err)
			return
		}
	}
}
