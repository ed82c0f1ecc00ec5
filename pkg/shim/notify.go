package shim

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// Notify is what systemd is told of a container that is a unit: sd_notify(3). The shim is the only one
// that speaks:
//
//	conmon      MAINPID and READY as soon as the command runs
//	healthy     MAINPID then, READY with the first healthcheck that succeeds
//	container   MAINPID then, and what the container's own processes say from then on
type Notify struct {
	Mode   string // "" says nothing
	Socket string // NOTIFY_SOCKET
	// Main says that the shim becomes the unit's main process. While rc stays that is rc: of who is not
	// its child, systemd would never know how it ended.
	Main bool
}

// NotifyDir is the directory in the runtime directory that has a container's own socket.
const NotifyDir = "notify"

// notifyLimit is systemd's, NOTIFY_BUFFER_MAX: it drops what is longer.
const notifyLimit = 4 << 10

const ready = "READY=1"

// listenNotify makes the container's own socket, before the command runs. A second life finds it there.
func (s *server) listenNotify() error {
	if s.plan.Notify.Mode != spec.NotifyContainer || s.notices != nil {
		return nil
	}
	dir, err := os.OpenFile(filepath.Join(s.plan.Records.RunDir(s.plan.ID), NotifyDir), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	s.notices, err = linux.ListenNotify(dir, spec.NotifyName)
	return err
}

// announce tells the unit that the shim is its main process, before rc, which was that, is gone: systemd
// reads messages before it looks for processes that have ended.
func (s *server) announce() {
	var message []string
	if s.plan.Notify.Main && s.plan.Notify.Mode != "" {
		message = append(message, "MAINPID="+strconv.Itoa(s.state.ShimPID))
	}
	if s.plan.Notify.Mode == spec.NotifyConmon {
		message = append(message, ready)
	}
	if len(message) > 0 {
		s.notify(strings.Join(message, "\n"))
	}
}

// wellNow tells a unit that waits for that.
func (s *server) wellNow() {
	if s.plan.Notify.Mode == spec.NotifyHealthy && !s.told {
		s.told = true
		s.notify(ready)
	}
}

// notify sends a message. The unit's start fails where it does not arrive, and systemd says so.
func (s *server) notify(message string) { complain(linux.Notify(s.plan.Notify.Socket, message)) }

// relay hands on what the container's processes say, for the shim's life.
func (s *server) relay() {
	for {
		data, files, err := s.notices.Receive(notifyLimit)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, linux.ErrTooLong):
			continue // nothing, or nothing that systemd would read
		case err != nil:
			return
		}
		if message := relayed(string(data)); message != "" {
			_ = linux.Notify(s.plan.Notify.Socket, message, files...) // a manager that is gone hears nothing
		}
		closeAll(files) // of BARRIER=1, too: systemd has it, and what came before it
	}
}

// relayed is what systemd is told of a container's message: neither who the main process is, which the
// container numbers in another way, nor who may speak.
func relayed(message string) string {
	var kept []string
	for line := range strings.SplitSeq(message, "\n") {
		key, _, _ := strings.Cut(line, "=")
		switch key {
		case "", "MAINPID", "MAINPIDFD", "MAINPIDFDID", "NOTIFYACCESS":
			continue
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}
