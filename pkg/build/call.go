package build

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/events"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/userns"
)

// Word is the argument that makes rc-image the worker of a build.
const Word = "build"

// AgentWord is the one that makes rc-image hold keys (package agent).
const AgentWord = "agent"

// Runner runs the commands of RUN, several at once.
type Runner interface {
	// Run runs one in a container and waits for its end; log gets what it prints: stream is 1 or 2, and data is
	// not kept. When ctx ends the container is killed. Run is over when nothing of it is left that
	// uses r's directories.
	Run(ctx context.Context, r Run, log func(stream int, data []byte)) Ran
}

// Build makes one image, or what Options.Export asks for. runner is called by several goroutines at once,
// tell by one at a time.
func Build(ctx context.Context, cfg *config.Config, o Options, runner Runner, tell func(Event)) (Result, error) {
	if err := o.check(); err != nil {
		return Result{}, err
	}
	c, err := dial(ctx, image.Streams{})
	if err != nil {
		return Result{}, err
	}
	defer c.sock.Close()
	defer c.space.Close()
	c.runner, c.events = runner, tell
	// A worker that cannot read has ended: what it has answered tells more than that.
	_ = c.send(Message{Start: &Start{Config: cfg, Options: o}})
	answer, err := c.serve(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("build: %w", err)
	}
	if err := answer.Error.Err(); err != nil {
		return Result{}, err
	}
	var r Result
	if err := json.Unmarshal(answer.Result, &r); err != nil {
		return Result{}, fmt.Errorf("build: decode the answer of rc-image: %w", err)
	}
	if r.ID != "" {
		journal(cfg, r.ID, o.Tags)
	}
	return r, nil
}

// journal writes down that there is a new image, as podman does.
func journal(cfg *config.Config, id string, tags []string) {
	name := ""
	if len(tags) > 0 {
		name = tags[0]
	}
	// A journal that cannot be written is no reason to fail.
	_ = events.Append(cfg.RunRoot, events.Event{Type: events.Image, Status: "build", ID: id, Name: name})
	for _, tag := range tags {
		_ = events.Append(cfg.RunRoot, events.Event{Type: events.Image, Status: "tag", ID: id, Name: tag})
	}
}

// caller is the host's end of the connection with one worker.
type caller struct {
	process *userns.Process
	space   *os.File // its user namespace; nil where that is our own
	sock    *os.File
	runner  Runner
	events  func(Event)
	stops   context.CancelFunc // ends the commands

	sending sync.Mutex
	telling sync.Mutex
	running sync.WaitGroup
}

// dial starts a worker.
func dial(ctx context.Context, s image.Streams) (*caller, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "rc-image"), os.NewFile(uintptr(fds[1]), "rc")
	defer theirs.Close()
	p, err := image.Start(ctx, s, theirs, Word)
	if err != nil {
		ours.Close()
		return nil, err
	}
	return &caller{process: p, sock: ours, space: space(p.PID)}, nil
}

// space opens the user namespace of a worker.
func space(pid int) *os.File {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", pid))
	if err != nil {
		return nil
	}
	theirs, err := f.Stat()
	ours, oerr := os.Stat("/proc/self/ns/user")
	if err != nil || oerr != nil || os.SameFile(theirs, ours) {
		f.Close()
		return nil
	}
	return f
}

func (c *caller) send(m Message) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	_, err = c.sock.Write(data)
	return err
}

func (c *caller) tell(e Event) {
	c.telling.Lock()
	defer c.telling.Unlock()
	if c.events != nil {
		c.events(e)
	}
}

// serve does what the worker asks for until its answer.
func (c *caller) serve(ctx context.Context) (*image.Answer, error) {
	answered, ended := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		// End of file on its side: it cleans up and answers still.
		_ = unix.Shutdown(int(c.sock.Fd()), unix.SHUT_WR)
		select {
		case <-answered:
		case <-time.After(image.Grace):
			_ = c.process.Signal(unix.SIGKILL)
		}
	})
	defer func() {
		if !stop() {
			<-ended // it uses the socket, which is closed next
		}
	}()
	var runs context.Context
	runs, c.stops = context.WithCancel(ctx)
	answer := c.messages(runs)
	c.stops()
	c.running.Wait()
	close(answered)
	_ = unix.Shutdown(int(c.sock.Fd()), unix.SHUT_RDWR)
	code, err := c.process.Wait()
	if answer == nil {
		return nil, image.Silent(ctx, code, err)
	}
	return answer, nil
}

// messages reads until the answer; nil is the end of the stream without one.
func (c *caller) messages(runs context.Context) *image.Answer {
	in := json.NewDecoder(c.sock)
	for {
		var m Message
		if err := in.Decode(&m); err != nil {
			return nil
		}
		switch {
		case m.Event != nil:
			c.tell(*m.Event)
		case m.Run != nil:
			c.running.Go(func() { c.run(runs, *m.Run) })
		case m.Stop:
			c.stops()
		case m.Answer != nil:
			return m.Answer
		}
	}
}

// run has one command run, and says how it ended.
func (c *caller) run(ctx context.Context, r Run) {
	r.Userns = c.space
	ran := c.runner.Run(ctx, r, func(stream int, data []byte) {
		c.tell(Event{Step: r.Step, Time: time.Now(), Stream: stream, Log: data})
	})
	ran.ID = r.ID
	// A worker that is gone needs no answer.
	_ = c.send(Message{Ran: &ran})
}

// check refuses what can be known to be wrong before anything is done.
func (o *Options) check() error {
	switch {
	case o.Dockerfile == "":
		return errs.Invalidf("build: no Dockerfile is named")
	case o.Format != image.FormatOCI && o.Format != image.FormatDocker:
		return errs.Invalidf("--format %q: want oci or docker", o.Format)
	case o.Jobs < 0:
		return errs.Invalidf("--jobs %d: want 0, for the number of processors, or more", o.Jobs)
	}
	switch o.PullPolicy {
	case "", image.Always, image.Missing, image.Newer, image.Never:
	default:
		return errs.Invalidf("--pull %q: want always, missing, never or newer", o.PullPolicy)
	}
	return nil
}
