package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/userns"
)

// Request is what the worker is told.
type Request struct {
	Verb    string          `json:"verb"`
	Config  *config.Config  `json:"config"`
	Options json.RawMessage `json:"options"`
}

// Answer is what the worker says at its end.
type Answer struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  *Failure        `json:"error,omitempty"`
}

// MaxMessage is the longest request or answer, in bytes.
const MaxMessage = 128 << 10

// Failure is an error on its way between two processes: text, hint, code, and which sentinels of
// package errs it was made of.
type Failure struct {
	Text  string   `json:"text"`
	Hint  string   `json:"hint,omitempty"`
	Kinds []string `json:"kinds,omitempty"`
}

func kinds() map[string]error {
	return map[string]error{
		"not found": errs.ErrNotFound, "exists": errs.ErrExists, "invalid": errs.ErrInvalid, "in use": errs.ErrInUse,
		"unsupported": errs.ErrUnsupported, "state": errs.ErrState, "canceled": context.Canceled,
		"no space": unix.ENOSPC, "deadline": context.DeadlineExceeded,
	}
}

// NewFailure describes an error; nil stays nil.
func NewFailure(err error) *Failure {
	if err == nil {
		return nil
	}
	f := &Failure{Text: err.Error(), Hint: errs.Hint(err)}
	for name, kind := range kinds() {
		if errors.Is(err, kind) {
			f.Kinds = append(f.Kinds, name)
		}
	}
	return f
}

// Err is the error again; nil for a nil failure.
func (f *Failure) Err() error {
	if f == nil {
		return nil
	}
	r := &remote{text: f.Text}
	known := kinds()
	for _, k := range f.Kinds {
		if known[k] != nil {
			r.kinds = append(r.kinds, known[k])
		}
	}
	if f.Hint != "" {
		return errs.WithHint(r, f.Hint)
	}
	return r
}

type remote struct {
	text  string
	kinds []error
}

func (r *remote) Error() string   { return r.text }
func (r *remote) Unwrap() []error { return r.kinds }

// Grace is how long a worker that was told to stop may take to clean up.
const Grace = 10 * time.Second

// call has a worker do one thing in the default map.
func call(ctx context.Context, cfg *config.Config, verb string, options, result any, s Streams) error {
	opts, err := json.Marshal(options)
	if err != nil {
		return fmt.Errorf("%s: encode options: %w", verb, err)
	}
	request, err := json.Marshal(Request{Verb: verb, Config: cfg, Options: opts})
	if err != nil {
		return fmt.Errorf("%s: encode request: %w", verb, err)
	}
	if len(request) > MaxMessage {
		return errs.Invalidf("%s: options of more than %d bytes", verb, MaxMessage)
	}
	w, err := start(ctx, s)
	if err != nil {
		return err
	}
	slog.Debug("rc-image started", "verb", verb, "pid", w.process.PID)
	defer w.sock.Close()
	if err := linux.Send(w.sock, request); err != nil {
		err = fmt.Errorf("%s: talk to rc-image: %w", verb, err)
		return errors.Join(err, w.stop())
	}
	answer, err := w.answer(ctx)
	if err != nil {
		return err
	}
	slog.Debug("rc-image has ended", "verb", verb)
	if answer.Error != nil {
		return answer.Error.Err()
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		return fmt.Errorf("%s: decode the answer of rc-image: %w", verb, err)
	}
	return nil
}

// running is a started worker.
type running struct {
	process *userns.Process
	sock    *os.File
}

func start(ctx context.Context, s Streams) (*running, error) {
	ours, theirs, err := linux.SocketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	p, err := Start(ctx, s, theirs)
	if err != nil {
		ours.Close()
		return nil, err
	}
	return &running{process: p, sock: ours}, nil
}

// Start starts the program rc-image in the default map, with sock, which stays the caller's, as its descriptor 3.
func Start(ctx context.Context, s Streams, sock *os.File, args ...string) (*userns.Process, error) {
	path, err := config.Program("rc-image")
	if err != nil {
		return nil, err
	}
	if s.Stdout == nil {
		s.Stdout = os.Stdout
	}
	if s.Stderr == nil {
		s.Stderr = os.Stderr
	}
	p, err := startInMap(ctx, userns.Command{
		Path: path, Args: append([]string{"rc-image"}, args...),
		Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr, Files: []*os.File{sock},
	})
	if err != nil {
		return nil, err
	}
	if err := p.Mapped(); err != nil {
		return nil, errors.Join(err, kill(p))
	}
	return p, nil
}

// startInMap starts a program in the default map; where we are in that already, a further namespace would have
// the same ids by other numbers, which are not those that the store was made with.
func startInMap(ctx context.Context, c userns.Command) (*userns.Process, error) {
	if uid, ok := userns.Caller(); ok {
		c.Env = workerEnv(os.Environ(), uid)
		return userns.StartHere(c)
	}
	m, err := userns.DefaultMap(ctx)
	if err != nil {
		return nil, err
	}
	c.Env = workerEnv(os.Environ(), os.Getuid())
	return userns.Start(ctx, c, m)
}

// workerEnv tells the libraries whose configuration files to read: seen from inside the worker's user is 0,
// and they would take root's.
func workerEnv(env []string, uid int) []string {
	out := make([]string, 0, len(env)+2)
	for _, e := range env {
		// To the libraries an empty XDG_CONFIG_HOME is the working directory.
		if !strings.HasPrefix(e, "_CONTAINERS_") && e != "XDG_CONFIG_HOME=" {
			out = append(out, e)
		}
	}
	return append(out, "_CONTAINERS_ROOTLESS_UID="+strconv.Itoa(uid), "_CONTAINERS_USERNS_CONFIGURED=done")
}

// answer waits for the worker's last word and its end.
func (w *running) answer(ctx context.Context) (*Answer, error) {
	answered := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		// End of file on its side: it cleans up and answers still.
		_ = unix.Shutdown(int(w.sock.Fd()), unix.SHUT_WR)
		select {
		case <-answered:
		case <-time.After(Grace):
			_ = w.process.Signal(unix.SIGKILL)
		}
	})
	defer stop()
	data, files, err := linux.Receive(w.sock, MaxMessage)
	close(answered)
	for _, f := range files {
		f.Close()
	}
	code, waitErr := w.process.Wait()
	if err != nil || len(data) == 0 {
		return nil, Silent(ctx, code, waitErr)
	}
	var a Answer
	if err := json.Unmarshal(data, &a); err != nil {
		return nil, fmt.Errorf("decode the answer of rc-image: %w", err)
	}
	return &a, nil
}

// Silent is the error of a worker that has ended without an answer.
func Silent(ctx context.Context, code int, waitErr error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case waitErr != nil:
		return waitErr
	case code == errs.CodeSignal+int(unix.SIGPIPE):
		return fmt.Errorf("write standard output: %w", unix.EPIPE)
	case code > errs.CodeSignal:
		return fmt.Errorf("rc-image was killed by signal %d", code-errs.CodeSignal)
	}
	return fmt.Errorf("rc-image ended with code %d and without an answer", code)
}

// stop ends a worker that got no request.
func (w *running) stop() error { return kill(w.process) }

func kill(p *userns.Process) error {
	_ = p.Signal(unix.SIGKILL)
	_, err := p.Wait()
	return err
}
