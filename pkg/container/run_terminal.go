package container

import (
	"github.com/rc-containers/rc/pkg/container/session"
)

// rawTerminal makes the user's terminal raw before the command runs, whose first output would else
// have each line's end turned twice. What the session does to it later comes on top of that.
func (r *run) rawTerminal() (err error) {
	s := &session.Session{Streams: r.streams, Input: r.front[0]}
	r.restore, err = s.RawTerminal(r.c.OCI.Process.Terminal && !r.detach)
	return err
}

// restoreTerminal makes it again what it was.
func (r *run) restoreTerminal() {
	if r.restore != nil {
		r.restore()
	}
}
