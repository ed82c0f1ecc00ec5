package shim

import (
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// supervise stays until the first process has ended.
func (s *server) supervise() *spec.Exit {
	ended := make(chan int, 1)
	go func() {
		code, err := s.proc.Wait()
		complain(err)
		ended <- code
	}()
	signals := make(chan unix.Signal)
	go listen(s.sock, signals)

	c := &s.plan
	var deadline, killing <-chan time.Time
	if c.Timeout > 0 {
		deadline = time.After(time.Duration(c.Timeout) * time.Second)
	}
	reason := ""
	for {
		select {
		case code := <-ended:
			return &spec.Exit{
				Code: code, Started: s.state.Started, Finished: time.Now(), PID: s.state.PID,
				Error: reason, OOMKilled: code == errs.CodeSignal+int(unix.SIGKILL) && s.oomKilled(),
			}
		case sig, open := <-signals:
			if open {
				s.signal(sig)
				continue
			}
			// rc is gone without having waited for the end.
			signals = nil
			reason = "stopped: rc was gone"
			s.signal(unix.Signal(c.StopSignal))
			killing = time.After(time.Duration(c.StopTimeout) * time.Second)
		case <-deadline:
			reason = "stopped: --timeout " + strconv.FormatUint(uint64(c.Timeout), 10) + " was over"
			_ = s.proc.Kill()
		case <-killing:
			_ = s.proc.Kill()
		}
	}
}

// signalLimit is what a message after the start may be long: its buffer stays for the
// shim's life.
const signalLimit = 64

// listen turns rc's messages into signals, and its end into a closed channel.
func listen(sock *os.File, signals chan<- unix.Signal) {
	defer close(signals)
	for {
		data, files, err := linux.Receive(sock, signalLimit)
		if err != nil {
			return
		}
		for _, f := range files {
			_ = f.Close()
		}
		n := 0
		if data[0] == msgSignal && decode(data[1:], number(&n)) == nil {
			signals <- unix.Signal(n)
		}
	}
}

func (s *server) signal(sig unix.Signal) { _ = s.proc.Signal(sig) }

// oomKilled asks the container's cgroup whether the out-of-memory killer was there.
func (s *server) oomKilled() bool {
	if s.cgroup == nil {
		return false
	}
	killed, err := cgroup.OOMKilled(s.cgroup)
	complain(err)
	return killed
}
