package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// ExecOptions say what to run in a container that runs.
type ExecOptions struct {
	Args []string
	// Env is laid over the container's own environment: KEY=VALUE.
	Env     []string
	Workdir string // "" is the container's
	User    string // as -u has it; "" is the container's
	TTY     bool
	// Stdin hands on the caller's standard input.
	Stdin       bool
	Privileged  bool
	PreserveFDs int
	PreserveFD  []int // further ones by their numbers
	// Detach returns as soon as the command runs, and writes the session's id to Streams.Out.
	Detach     bool
	DetachKeys []byte
	Streams    Streams
}

// Exec runs a command in the container with the full id, and returns its exit code. It has the container's
// namespaces, cgroup, seccomp filter and capabilities, and its own standard streams are the
// caller's, without a copy between. errs.ErrState says that the container does not run. Errors
// carry the exit codes of rc exec (errs.Code).
func Exec(ctx context.Context, cfg *config.Config, id string, o ExecOptions) (int, error) {
	root := records.Of(cfg)
	extra, err := Preserved(o.PreserveFDs, o.PreserveFD)
	if err != nil {
		return 0, err
	}
	x, err := o.session(extra)
	if err != nil {
		return 0, err
	}
	// First, so that the process's program starts while the rest is done.
	stop := func() bool { return false }
	client, asked := shim.Dial(root.RunDir(id))
	if asked == nil {
		defer func() { _ = client.Close() }()
		// Until signals are caught for the command, one that ends ctx ends the command by this.
		stop = context.AfterFunc(ctx, client.Shutdown)
		defer stop()
		asked = client.Exec(x)
	}
	e, order, err := prepareExec(cfg, id, o)
	if err != nil {
		return 0, err
	}
	if asked != nil {
		return 0, records.AskError("exec in", e, asked)
	}
	event, err := client.ExecOrder(order)
	if err != nil && ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err != nil {
		return 0, records.AskError("exec in", e, err)
	}
	slog.Debug("command runs")
	if o.Detach {
		fmt.Fprintln(o.Streams.Out, x.ID)
		return 0, nil
	}
	s := &Session{
		Client: client, Streams: o.Streams, Input: o.Stdin && o.TTY, Keys: o.DetachKeys, copyOutput: o.TTY,
		Signals: CatchSignals(),
	}
	stop()
	end, err := s.Run(ctx, event)
	if err != nil {
		return 0, errs.WithCode(fmt.Errorf("exec in container %q: %w", e.Name, err), errs.CodeSignal+9)
	}
	slog.Debug("command ended", "code", end.Code)
	return end.Code, nil
}

// session is what the shim has to know first.
func (o *ExecOptions) session(extra []*os.File) (shim.Exec, error) {
	x := shim.Exec{Extra: extra, Detach: o.Detach, Terminal: o.TTY}
	var err error
	if x.ID, err = state.GenerateID(); err != nil {
		return x, err
	}
	if !o.TTY && !o.Detach {
		x.Stdio = [3]*os.File{nil, o.Streams.Out, o.Streams.Err}
		if o.Stdin {
			x.Stdio[0] = o.Streams.In
		}
	}
	return x, nil
}

// prepareExec finds the container id and makes the order for a process in it.
func prepareExec(cfg *config.Config, id string, o ExecOptions) (*state.Entry, []byte, error) {
	root := records.Of(cfg)
	e, err := root.Find(id)
	if err != nil {
		return nil, nil, err
	}
	if e.Status != state.Running {
		return nil, nil, records.NotRunning("exec in", e)
	}
	c, err := root.LoadProcess(e.ID)
	if err != nil {
		return nil, nil, err
	}
	slog.Debug("container found", "id", c.ID, "name", c.Name)
	order, err := ExecOrder(cfg, c, o)
	if err != nil {
		return nil, nil, err
	}
	slog.Debug("order made", "bytes", len(order))
	return e, order, nil
}

// ExecOrder is what the shim tells a process that joins the container c.
func ExecOrder(cfg *config.Config, c *spec.Inside, o ExecOptions) ([]byte, error) {
	p := *c.Process
	p.Args, p.Terminal, p.ConsoleSize = o.Args, o.TTY, nil
	_, secrets, err := ReadSecrets(records.Of(cfg).Dir(c.ID), c.Secrets)
	if err != nil {
		return nil, err
	}
	p.Env = spec.JoinEnv(p.Env, secrets, o.Env)
	if o.TTY {
		p.ConsoleSize = TerminalSize(o.Streams.Out)
		if _, has := spec.EnvValue(p.Env, "TERM"); !has {
			p.Env = append(slices.Clip(p.Env), "TERM=xterm")
		}
	}
	if o.Workdir != "" {
		p.Cwd = o.Workdir
	}
	if o.User != "" {
		p.User.Username = o.User
		// HOME is the other user's.
		p.Env = slices.DeleteFunc(slices.Clone(p.Env), func(e string) bool { return c.Process.User.Username != o.User && isHome(e) })
	}
	if o.Privileged {
		all := oci.AllCapabilities()
		p.Capabilities = &specs.LinuxCapabilities{Bounding: all, Effective: all, Permitted: all, Inheritable: all, Ambient: all}
		p.NoNewPrivileges = false
	}
	order, err := oci.NewOrder(&oci.Config{
		Spec:     &specs.Spec{Process: &p, Linux: &specs.Linux{Namespaces: c.Namespaces, Personality: c.Personality}},
		Rootfs:   "/",
		GroupAdd: c.GroupAdd, Inside: true, DieWithParent: !c.OwnPIDs(),
		ExtraFiles: make([]*os.File, o.extra()),
	})
	if err != nil {
		return nil, err
	}
	if !o.Privileged {
		if err := AddSeccomp(cfg, c.Seccomp, c.Process, order); err != nil {
			return nil, err
		}
	}
	return order.Encode(), nil
}

func isHome(entry string) bool { return len(entry) >= 5 && entry[:5] == "HOME=" }

// extra is how many descriptors from 3 on the command gets.
func (o *ExecOptions) extra() int {
	count := o.PreserveFDs
	for _, fd := range o.PreserveFD {
		count = max(count, fd-2)
	}
	return count
}
