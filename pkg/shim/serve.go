package shim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/spec"
)

// The parts of an overlay, in the container's directory.
const (
	mergedDir = "merged"
	upperDir  = "upper"
	workDir   = "work"
)

// server is one shim at work. It is made by Serve and used by one goroutine, but for
// listen, which only reads the socket.
type server struct {
	sock     *os.File
	plan     *Plan
	stdio    [3]*os.File
	place    Place
	cgroup   *os.File   // the container's cgroup directory; nil without one
	extra    []*os.File // preserved descriptors
	hostProc *os.File   // the host's /proc, to learn host pids
	mount    overlay.Choice
	root     string   // where the root filesystem is
	overlays []string // what else was mounted
	helper   *netHelper
	proc     *oci.Process
	state    spec.State
}

// Serve is the shim's life: it reads the plan from SocketFD, runs the container to its
// end, and cleans up. It returns the process's exit code.
func Serve(ctx context.Context) int {
	unix.CloseOnExec(SocketFD)
	s := &server{sock: os.NewFile(SocketFD, "socket")}
	if err := s.readPlan(); err != nil {
		return s.fail(err)
	}
	if err := s.start(ctx); err != nil {
		if s.proc != nil {
			_ = s.proc.Kill()
			_, _ = s.proc.Wait()
		}
		code := s.fail(err)
		// What never ran leaves nothing.
		s.plan.Container.Remove = true
		s.cleanUp(ctx)
		return code
	}
	exit := s.supervise()
	s.record(exit)
	// Whoever reads rc's standard error to its end shall not wait for what follows.
	_ = unix.Dup2(0, 2)
	_ = send(s.sock, message{Exited: exit}) // rc may be gone
	s.cleanUp(ctx)
	return 0
}

// fail tells rc, which prints it.
func (s *server) fail(err error) int {
	_ = send(s.sock, message{Error: failureOf(err)})
	return errs.CodeError
}

func (s *server) readPlan() error {
	m, files, err := receive(s.sock)
	if err != nil {
		return err
	}
	if !m.Plan || len(files) == 0 {
		return errors.New("shim: the first message is no plan")
	}
	data, err := linux.ReadMemfd(files[0])
	if err != nil {
		return err
	}
	_ = files[0].Close()
	s.plan = &Plan{}
	if err := json.Unmarshal(data, s.plan); err != nil {
		return fmt.Errorf("shim plan: %w", err)
	}
	files = files[1:]
	need := 0
	for _, there := range s.plan.Stdio {
		if there {
			need++
		}
	}
	if len(files) != need+s.plan.Container.PreserveFDs {
		return fmt.Errorf("shim plan: %d descriptors came, %d are due", len(files), need+s.plan.Container.PreserveFDs)
	}
	for i, there := range s.plan.Stdio {
		if there {
			s.stdio[i], files = files[0], files[1:]
		}
	}
	s.extra = files
	return nil
}

// start goes from the plan to a running command.
func (s *server) start(ctx context.Context) error {
	if err := s.ownProc(); err != nil {
		return err
	}
	if err := s.mountRoot(ctx); err != nil {
		return err
	}
	if err := s.mountOverlays(ctx); err != nil {
		return err
	}
	if err := s.awaitPlace(); err != nil {
		return err
	}
	if err := s.create(ctx); err != nil {
		return err
	}
	if err := s.writeState(); err != nil {
		return err
	}
	if err := s.proc.Run(); err != nil {
		return err
	}
	var files []*os.File
	if s.proc.Console != nil {
		files = append(files, s.proc.Console)
	}
	err := send(s.sock, message{Started: &s.state}, files...)
	if s.proc.Console != nil {
		// The master is rc's from here: when rc goes, the terminal hangs up.
		_ = s.proc.Console.Close()
	}
	for _, f := range append(s.extra, s.stdio[:]...) {
		if f != nil {
			_ = f.Close()
		}
	}
	if err != nil && !errors.Is(err, unix.EPIPE) {
		return err
	}
	return nil
}

// ownProc mounts a /proc of the outer pid namespace, in which the maps of a child can be
// written, and keeps the host's, in which a child's host pid can be read.
func (s *server) ownProc() error {
	var err error
	if s.hostProc, err = os.Open("/proc"); err != nil {
		return err
	}
	if unix.Getpid() != 1 {
		// --pid host: there is no outer namespace. What the container leaves behind comes here.
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("prctl(PR_SET_CHILD_SUBREAPER): %w", err)
		}
		return nil
	}
	err = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if errors.Is(err, unix.EPERM) {
		return errs.WithHint(fmt.Errorf("mount /proc: %w", err),
			"this /proc is masked, as in a container: run the outer one with --security-opt unmask=/proc/*")
	}
	if err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// awaitPlace takes the cgroup, which rc may have had to ask systemd for meanwhile.
func (s *server) awaitPlace() error {
	m, files, err := receive(s.sock)
	if err != nil {
		return err
	}
	if m.Place == nil || (m.Place.Cgroup != "") != (len(files) == 1) {
		return errors.New("shim: the second message is no place")
	}
	s.place = *m.Place
	if len(files) == 1 {
		s.cgroup = files[0]
	}
	return nil
}

// create makes the first process, up to where it would exec, and its network.
func (s *server) create(ctx context.Context) error {
	exe, err := oci.ReadOnlyExe()
	if err != nil {
		return err
	}
	if err := s.fillStdio(); err != nil {
		return err
	}
	s.proc, err = oci.Start(ctx, oci.Config{
		Spec:       &s.plan.Container.OCI,
		Rootfs:     s.root,
		Seccomp:    s.plan.Seccomp,
		GroupAdd:   s.plan.Container.GroupAdd,
		Cgroup:     s.cgroup,
		Stdin:      s.stdio[0],
		Stdout:     s.stdio[1],
		Stderr:     s.stdio[2],
		ExtraFiles: s.extra,
		Init:       s.plan.Container.Init,
		Exe:        exe,

		DieWithParent: unix.Getpid() != 1,
	})
	if err != nil {
		return err
	}
	if s.plan.NetHelper != "" {
		// The process sets itself up meanwhile.
		if s.helper, err = startNetwork(s.plan.NetHelper, s.plan.NetConfig, s.proc.PID); err != nil {
			return err
		}
	}
	return s.proc.Ready()
}

// fillStdio puts /dev/null where rc gave nothing.
func (s *server) fillStdio() error {
	for i, f := range s.stdio {
		if f != nil {
			continue
		}
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		s.stdio[i] = null
	}
	return nil
}

// writeState tells every later call of rc that the container runs.
func (s *server) writeState() error {
	s.state = spec.State{
		Started:      time.Now(),
		Cgroup:       s.place.Cgroup,
		Scope:        s.place.Scope,
		MountProgram: s.mount.Program,
	}
	var err error
	if s.state.ShimPID, s.state.ShimStart, err = s.hostPID("self"); err != nil {
		return err
	}
	if s.state.PID, s.state.PIDStart, err = s.hostPID(""); err != nil {
		return err
	}
	c := s.plan.Container
	if !c.Remove {
		// The truth, should the shim be killed before the end: no time, and SIGKILL's code.
		s.record(&spec.Exit{Code: errs.CodeSignal + int(unix.SIGKILL), Started: s.state.Started, PID: s.state.PID, Error: "shim lost"})
	}
	return s.plan.Records.WriteState(c.ID, &s.state)
}

// record writes the exit record of a container that stays.
func (s *server) record(exit *spec.Exit) {
	if !s.plan.Container.Remove {
		complain(s.plan.Records.WriteExit(s.plan.Container.ID, exit))
	}
}
