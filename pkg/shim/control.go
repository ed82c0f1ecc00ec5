package shim

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// controlName is the shim's socket in the container's runtime directory.
const controlName = "ctl.sock"

// listen makes ctl.sock, before anybody can know that the container runs.
func (s *server) listen() error {
	if s.control != nil {
		return nil
	}
	dir, err := os.OpenFile(s.plan.Records.RunDir(s.plan.ID), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	s.control, err = linux.Listen(dir, controlName)
	return err
}

// accept serves each caller in a goroutine of its own, as long as the shim lives.
func (s *server) accept() {
	for {
		conn, uid, err := s.control.Accept()
		if err != nil {
			return
		}
		if uid != 0 { // the user, as this namespace has it
			_ = conn.Close()
			continue
		}
		s.answering.Go(func() { s.serveConn(conn) })
	}
}

// lastAnswers is how long the shim stays to tell everybody of the end; somebody who has
// connected and asks nothing is not waited for longer.
const lastAnswers = sinkEnd + time.Second

// finishAnswers waits until everybody who has asked has been answered: the end of the process
// would be the end of what they wait for, without a word.
func (s *server) finishAnswers() {
	if s.control == nil {
		return
	}
	_ = s.control.Close()
	done := make(chan struct{})
	go func() {
		s.answering.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(lastAnswers):
	}
}

// requestLimit is what a first message may be long; a long order is a memfd.
const requestLimit = 4 << 10

// serveConn answers one request. Whatever reads or changes the server does so by a call
// that the main goroutine makes (do).
func (s *server) serveConn(conn *linux.Conn) {
	defer func() { _ = conn.Close() }()
	data, files, err := conn.Receive(requestLimit)
	if err != nil {
		return
	}
	kept := false
	defer func() {
		for _, f := range files {
			if !kept {
				_ = f.Close()
			}
		}
	}()
	switch data[0] {
	case msgWatch:
		err = s.watch(conn)
	case msgAttach:
		kept = true // the sink's
		err = s.attach(conn, data[1:], files)
	case msgExec:
		err = s.exec(conn, data[1:], files)
	case msgHealth:
		err = s.checkNow(conn)
	case msgGo:
		err = s.release(conn)
	case msgThaw:
		err = s.thawLater(conn)
	default:
		err = fmt.Errorf("shim: unknown request %q", data[0])
	}
	if err != nil {
		_ = conn.Send(encodeFailure(err))
	}
}

// do runs f in the main goroutine and waits for that; false says that the shim is about to
// end, and f did not run.
func (s *server) do(f func()) bool {
	done := make(chan struct{})
	select {
	case s.calls <- func() { f(); close(done) }:
		<-done
		return true
	case <-s.ending:
		return false
	}
}

// watcher is somebody who waits for a container's end.
type watcher chan int // receives the exit code

// watch adds one; the main goroutine tells it at the end of this life.
func (s *server) addWatcher() (watcher, bool) {
	w := make(watcher, 1)
	ok := s.do(func() { s.watchers = append(s.watchers, w) })
	return w, ok
}

func (s *server) dropWatcher(w watcher) {
	s.do(func() {
		for i := range s.watchers {
			if s.watchers[i] == w {
				s.watchers = append(s.watchers[:i], s.watchers[i+1:]...)
				return
			}
		}
	})
}

// watch answers with the exit code when this life ends.
func (s *server) watch(conn *linux.Conn) error {
	w, ok := s.addWatcher()
	if !ok {
		return errNotRunning()
	}
	if err := conn.Send([]byte{msgDone}); err != nil {
		s.dropWatcher(w)
		return nil //nolint:nilerr // the caller is gone
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			_, files, err := conn.Receive(signalLimit)
			if err != nil {
				return
			}
			closeAll(files)
		}
	}()
	select {
	case code := <-w:
		_ = conn.Send(exited{Code: code}.encode())
	case <-gone:
		s.dropWatcher(w)
	}
	return nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}
