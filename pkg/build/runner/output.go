package runner

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// output reads what a step prints. The container writes into the pipes itself: a log that is read slowly makes it
// wait, and nothing is kept.
type output struct {
	files   [2]*os.File // the ends that are written to
	readers [2]*os.File
	done    sync.WaitGroup
}

func newOutput(log func(stream int, data []byte)) (*output, error) {
	o := &output{}
	var together sync.Mutex
	for i := range o.files {
		r, w, err := os.Pipe()
		if err == nil {
			o.readers[i], o.files[i] = r, w
			// Whoever the user of the container is can open /dev/stdout.
			err = w.Chmod(0o666)
		}
		if err != nil {
			o.closeFiles()
			return nil, err
		}
	}
	for i, r := range o.readers {
		o.done.Go(func() {
			buf := make([]byte, 64<<10)
			for {
				n, err := r.Read(buf)
				if n > 0 {
					together.Lock()
					log(i+1, buf[:n])
					together.Unlock()
				}
				if err != nil {
					return
				}
			}
		})
	}
	return o, nil
}

// leftBehind is how long somebody outside may keep the end of a pipe open: a process that has got it by a socket.
const leftBehind = 500 * time.Millisecond

// close hands on what is left, after the container's end.
func (o *output) close() {
	for _, w := range o.files {
		w.Close()
	}
	read := make(chan struct{})
	go func() {
		o.done.Wait()
		close(read)
	}()
	for {
		select {
		case <-read:
			o.closeFiles()
			return
		case <-time.After(leftBehind):
		}
		if o.idle() {
			for _, r := range o.readers {
				_ = r.SetReadDeadline(time.Now())
			}
		}
	}
}

func (o *output) closeFiles() {
	for _, f := range append(o.files[:], o.readers[:]...) {
		if f != nil {
			f.Close()
		}
	}
}

// idle says that nothing waits to be read.
func (o *output) idle() bool {
	for _, r := range o.readers {
		raw, err := r.SyscallConn()
		if err != nil {
			continue // closed
		}
		waiting := false
		_ = raw.Control(func(fd uintptr) {
			fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			n, err := unix.Poll(fds, 0)
			waiting = err == nil && n > 0 && fds[0].Revents&unix.POLLIN != 0
		})
		if waiting {
			return false
		}
	}
	return true
}
