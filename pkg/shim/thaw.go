package shim

import (
	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/linux"
)

// thawLater answers who is about to freeze the container for a while: where its connection ends without a word,
// it was killed, and nobody else would let the container go on.
func (s *server) thawLater(conn *linux.Conn) error {
	w, ok := s.addWatcher()
	if !ok {
		return errNotRunning()
	}
	word := make(chan bool, 1)
	go func() {
		data, files, err := conn.Receive(signalLimit)
		closeAll(files)
		word <- err == nil && data[0] == msgDetach
	}()
	_ = conn.Send([]byte{msgDone}) // who has gone by now has frozen nothing
	select {
	case <-w: // what has ended is not frozen
	case thawed := <-word:
		s.dropWatcher(w)
		if !thawed {
			s.do(s.thaw)
		}
	}
	return nil
}

func (s *server) thaw() {
	if s.state.Cgroup == "" {
		return
	}
	complain(cgroup.Thaw(s.state.Cgroup))
	s.emit("unpause", nil)
}
