package shim

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// tell gives the first process its order, and with it what the shim has mounted.
func (s *server) tell() error {
	err := s.proc.Tell(s.order, s.trees)
	for _, f := range s.trees {
		_ = f.Close()
	}
	s.trees = nil
	return err
}

// meetOwner tells rc that the command runs, and listens to it from here on.
func (s *server) meetOwner() error {
	if s.plan.Restart == "" {
		s.letGo()
	}
	var err error
	if s.owner, err = linux.NewConn(s.sock); err != nil {
		return err
	}
	if err := s.reportStarted(); err != nil {
		return err
	}
	go s.listenToOwner()
	return nil
}

func (s *server) reportStarted() error {
	var files []*os.File
	if s.console != nil {
		files = append(files, s.console) // rc writes to it; the shim reads
	}
	answer := started{PID: s.state.PID, Terminal: s.console != nil}
	err := s.tellPhases()
	if err == nil {
		err = s.owner.Send(encode(msgStarted, answer.fields), files...)
	}
	if err != nil && !errors.Is(err, unix.EPIPE) {
		return err
	}
	return nil
}

// awaitPlace takes the cgroup, which rc had to ask systemd for meanwhile.
func (s *server) awaitPlace() error {
	data, files, err := linux.Receive(s.sock, messageLimit)
	if err != nil {
		return err
	}
	if data[0] != msgPlace {
		return errors.New("shim: the second message is no place")
	}
	if err := decode(data[1:], s.place.fields); err != nil {
		return err
	}
	if (s.place.Cgroup != "") != (len(files) == 1) {
		return errors.New("shim: a place without its directory")
	}
	if len(files) == 1 {
		s.cgroup = files[0]
		s.birth.Cgroup = s.cgroup
	}
	return nil
}

// awaitGo waits until the container is on record.
func (s *server) awaitGo() error {
	data, _, err := linux.Receive(s.sock, signalLimit)
	if err != nil {
		return err
	}
	if data[0] != msgGo {
		return fmt.Errorf("shim: message %q instead of the word to go", data[0])
	}
	return nil
}
