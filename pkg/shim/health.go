package shim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/spec"
)

// healthOrders are what the processes are told that check a container's health.
type healthOrders struct{ test, startup *os.File }

// take keeps the memfds that came with a plan.
func (h *healthOrders) take(p *Plan, files []*os.File) error {
	due := 0
	if p.Health != nil {
		due++
		if p.Health.Startup != nil {
			due++
		}
	}
	if len(files) != due {
		return fmt.Errorf("shim: %d orders for healthchecks came, %d are due", len(files), due)
	}
	if due > 0 {
		h.test = files[0]
	}
	if due > 1 {
		h.startup = files[1]
	}
	return nil
}

// checks is what is known of a container's health in this life.
type checks struct {
	due      <-chan time.Time // the next check; nil while none is to come
	life     int
	busy     bool
	begun    time.Time
	starting bool // the startup check has not succeeded yet
	passed   int  // its successes in a row
	failed   int  // its failures
	settled  bool // a check has succeeded: the start period is over
	eager    bool // the first one comes at once, since a unit waits for it; its failure counts for nothing
	state    spec.HealthState
}

func (s *server) startChecks() {
	h := s.plan.Health
	if h == nil {
		return
	}
	s.checks = checks{
		life: s.checks.life + 1, begun: time.Now(), starting: h.Startup != nil, state: spec.HealthState{Status: spec.HealthStarting},
	}
	complain(s.plan.Records.WriteHealth(s.plan.ID, &s.checks.state))
	if s.plan.Notify.Mode == spec.NotifyHealthy && !s.told && h.Interval > 0 {
		s.checks.eager, s.checks.due = true, time.After(0)
		return
	}
	s.schedule()
}

func (s *server) stopChecks() {
	s.checks.due = nil
	s.checks.life++
}

// schedule says when the next check is due.
func (s *server) schedule() {
	h, c := s.plan.Health, &s.checks
	wait := h.Interval
	switch {
	case c.starting:
		wait = h.Startup.Interval
	case s.inStartPeriod() && h.StartInterval > 0:
		wait = h.StartInterval
	}
	c.due = nil
	if wait > 0 {
		c.due = time.After(wait)
	}
}

func (s *server) inStartPeriod() bool {
	return !s.checks.settled && time.Since(s.checks.begun) < s.plan.Health.StartPeriod
}

// check runs one, beside the main goroutine.
func (s *server) check(ctx context.Context) {
	c := &s.checks
	c.due = nil
	if c.busy || ctx.Err() != nil {
		return
	}
	c.busy = true
	order, timeout, starting, life := s.orders.test, s.plan.Health.Timeout, c.starting, c.life
	if starting {
		order, timeout = s.orders.startup, s.plan.Health.Startup.Timeout
	}
	go func() {
		r := s.runCheck(order, timeout)
		s.do(func() {
			if s.checks.life != life {
				return
			}
			s.checks.busy = false
			s.checked(r, starting)
			s.schedule()
		})
	}()
}

// checkNow runs the container's check for rc healthcheck run.
func (s *server) checkNow(conn *linux.Conn) error {
	if s.plan.Health == nil {
		return errs.Invalidf("container %q: it has no healthcheck", s.plan.Name)
	}
	r := s.runCheck(s.orders.test, s.plan.Health.Timeout)
	s.do(func() { s.checked(r, false) })
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return conn.Send(append([]byte{msgHealth}, data...))
}

// checked makes of a result what it means. It is the main goroutine's.
func (s *server) checked(r *spec.HealthResult, starting bool) {
	h, c := s.plan.Health, &s.checks
	before := c.state.Status
	if s.state.PID == 0 || s.end.final {
		return // it was the container's end that failed
	}
	c.state.Log = append(c.state.Log, *r)
	if most := h.MaxLogCount; most > 0 && len(c.state.Log) > most {
		c.state.Log = c.state.Log[len(c.state.Log)-most:]
	}
	early := c.eager && r.ExitCode != 0
	c.eager = false
	switch {
	case early:
	case starting:
		s.startupChecked(r.ExitCode == 0)
	case r.ExitCode == 0:
		c.state.Status, c.state.FailingStreak, c.settled = spec.Healthy, 0, true
	case s.inStartPeriod():
	default:
		if c.state.FailingStreak++; c.state.FailingStreak >= h.Retries {
			c.state.Status = spec.Unhealthy
		}
	}
	complain(s.plan.Records.WriteHealth(s.plan.ID, &c.state))
	if c.state.Status == spec.Healthy {
		s.wellNow()
	}
	if c.state.Status != before {
		s.emit("health_status", map[string]string{"health_status": c.state.Status})
		if c.state.Status == spec.Unhealthy {
			s.unhealthy()
		}
	}
}

// startupChecked counts towards the end of the startup check.
func (s *server) startupChecked(ok bool) {
	startup, c := s.plan.Health.Startup, &s.checks
	if ok {
		c.failed = 0
		if c.passed++; c.passed >= max(startup.Successes, 1) {
			c.starting, c.begun = false, time.Now()
		}
		return
	}
	c.passed = 0
	if c.failed++; startup.Retries > 0 && c.failed >= startup.Retries {
		s.end.reason, s.end.again = "restarted: its startup healthcheck failed", true
		s.askToEnd()
	}
}

// unhealthy does what --health-on-failure asks for.
func (s *server) unhealthy() {
	switch s.plan.Health.OnFailure {
	case spec.OnFailureKill:
		s.end.reason = "killed: unhealthy"
		s.signal(unix.SIGKILL)
	case spec.OnFailureRestart:
		s.end.reason, s.end.again = "restarted: unhealthy", true
		s.askToEnd()
	case spec.OnFailureStop:
		s.stop("stopped: unhealthy")
	}
}

// runCheck runs a check's command in the container, and kills it when its time is over.
func (s *server) runCheck(order *os.File, timeout time.Duration) *spec.HealthResult {
	r := &spec.HealthResult{Start: time.Now()}
	out, err := s.checkOutput(r, order, timeout)
	r.End = time.Now()
	r.Output = string(out)
	if err != nil {
		r.ExitCode, r.Output = errs.Code(err), err.Error()
	}
	if r.ExitCode == timedOut {
		r.Output += fmt.Sprintf("the check took longer than %s", timeout)
	}
	return r
}

// timedOut is the exit code of a check that took too long: docker's.
const timedOut = -1

func (s *server) checkOutput(r *spec.HealthResult, order *os.File, timeout time.Duration) ([]byte, error) {
	read, write, err := pipe()
	if err != nil {
		return nil, err
	}
	p, err := s.enter(oci.Birth{Stdout: write, Stderr: write}, false, func() (*os.File, error) { return duplicate(order), nil })
	_ = write.Close()
	if err != nil {
		_ = read.Close()
		return nil, err
	}
	result := make(chan []byte, 1)
	go func() { result <- s.readCheck(read) }()
	over := make(chan struct{})
	var killer *time.Timer
	if timeout > 0 {
		killer = time.AfterFunc(timeout, func() {
			close(over)
			_ = unix.Kill(-p.PID, unix.SIGKILL) // it leads a session, and so a group
			_ = p.Kill()
		})
	}
	r.ExitCode, err = s.leave(p)
	if killer != nil {
		killer.Stop()
	}
	if err != nil {
		return nil, err
	}
	select {
	case <-over:
		r.ExitCode = timedOut
	default:
	}
	select {
	case out := <-result:
		return out, nil
	case <-time.After(leftBehind): // something that it has left in the background has its output
		return nil, nil
	}
}

// readCheck keeps the beginning of what a check prints, and reads all of it.
func (s *server) readCheck(r *os.File) []byte {
	defer r.Close()
	most := s.plan.Health.MaxLogSize
	if most <= 0 {
		most = largeBuffer
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(most)))
	if err != nil && !errors.Is(err, io.EOF) {
		return out
	}
	_, _ = io.Copy(io.Discard, r)
	return out
}
