package shim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/logs"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/spec"
)

// The parts of a Plan's Skeleton.
const (
	SkeletonLower = "lower"
	SkeletonRoot  = "root"
)

// The parts of an overlay, in the container's directory.
const (
	mergedDir = "merged"
	upperDir  = "upper"
	workDir   = "work"
)

// server is one shim at work. It is made by Serve and used by the main goroutine. Others
// have the main one make calls for them (do), once it waits for them.
type server struct {
	sock     *os.File // to rc; owner takes its place once the command runs
	birth    *Birth
	exe      *os.File
	plan     Plan
	order    *os.File // the order, for the first process
	place    Place
	cgroup   *os.File    // the container's cgroup directory; nil without one
	hostProc *os.File    // the host's /proc, to learn host pids
	program  string      // what mounted the root
	mounted  []string    // what was mounted
	mounters []int       // with --pid host: the processes that do it, fuse-overlayfs
	points   []madePoint // what is to be removed from the root
	ready    time.Time   // when they were there
	trees    []*os.File  // copies of that, for the first process
	helper   *netHelper
	net      netState
	proc     *oci.Process
	state    spec.State
	lastExit *spec.Exit
	phases   phases
	phased   time.Time // when the last one was over, or the shim began

	pipes   [3]*os.File // what the first process prints, until copyStreams
	stdin   *os.File    // what it reads, where that is open to who attaches
	console *os.File    // its terminal's master
	hangUp  *os.File    // wakes who reads from that
	copied  chan struct{}
	output  output

	calls      chan func()
	ending     chan struct{} // closed when nobody makes calls any more
	terminated chan os.Signal
	owner      *linux.Conn // the rc that started the container
	ownerHere  bool        // it has neither detached nor gone
	control    *linux.Conn
	notices    *linux.Conn  // what the container's processes tell its unit; nil where they do not
	told       bool         // the unit has heard that the container is well
	forking    sync.Mutex   // held while entered changes, and while orphans are reaped
	entered    map[int]bool // pids of what enter has started
	attending  bool
	answering  sync.WaitGroup // who is connected to control
	watchers   []watcher
	end        ending
	checks     checks
	orders     healthOrders
	hooked     bool // this life has begun to have hooks run
	// discarded says that the container's directory is in trash/; so are the volumes dropped.
	discarded bool
	dropped   []string
}

// Serve is the shim's life: it forks the container's first process, reads the plan from
// SocketFD, runs the container to its end, and cleans up. args are those behind "serve".
// It returns the process's exit code.
func Serve(ctx context.Context, args []string) int {
	birth, err := readBirth(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return errs.CodeError
	}
	unix.CloseOnExec(SocketFD)
	s := &server{
		sock: os.NewFile(SocketFD, "socket"), birth: birth, cgroup: birth.Cgroup, ownerHere: true,
		calls: make(chan func()), ending: make(chan struct{}), entered: map[int]bool{}, phased: time.Now(),
	}
	if birth.Bridges && birth.Hub == nil {
		err = birth.makeHub()
	}
	if err == nil && !birth.late() {
		err = s.fork()
	}
	if err == nil {
		err = s.readPlan()
	}
	if err != nil {
		s.endProcess()
		code := s.fail(err)
		s.linger()
		return code
	}
	if err := s.start(ctx); err != nil {
		s.endProcess()
		code := s.fail(err)
		s.awaitHangup()
		// What is new and never ran leaves nothing.
		s.plan.Remove = s.plan.Remove || s.plan.New
		s.cleanUp(ctx)
		s.linger()
		return code
	}
	exit := s.lives(ctx)
	s.poststop()
	s.record(exit)
	s.discard()
	if s.discarded {
		s.emit("remove", nil)
	}
	s.tellWatchers(exit.Code)
	close(s.ending)
	if s.ownerHere {
		s.dismissOwner() // whoever reads rc's streams to their end shall not wait for what follows
		end := exited{Code: exit.Code, OOM: exit.Code != 0 && s.oomKilled(), Unwritten: s.output.unwritten.String()}
		_ = s.owner.Send(end.encode())
	}
	s.cleanUp(ctx)
	s.finishAnswers()
	return s.unitCode(exit)
}

// unitCode is what a unit whose main process the shim is ends with: the command's code, but that to be
// ended by the stop signal when it was asked to is what a unit's process does that all is well with.
func (s *server) unitCode(exit *spec.Exit) int {
	if (s.end.final || exit.Stopped) && exit.Code == errs.CodeSignal+s.plan.StopSignal {
		return 0
	}
	return exit.Code
}

// lingering is more than systemd needs for a scope.
const lingering = 500 * time.Millisecond

// linger keeps a shim alive that systemd may be about to put into a scope, since rc died
// after it had asked for that: a scope whose process has gone by then is never noticed to
// be empty, and stays.
func (s *server) linger() {
	if s.birth.Wait && s.place.Scope == "" {
		time.Sleep(lingering)
	}
}

// endProcess ends a first process that did not get to run its command.
func (s *server) endProcess() {
	if s.proc != nil {
		_ = s.proc.Kill()
		_, _ = s.proc.Wait()
	}
}

// fail tells rc, which prints it.
func (s *server) fail(err error) int {
	_ = linux.Send(s.sock, encodeFailure(err))
	return errs.CodeError
}

// awaitHangup waits until rc has read of the failure, or is gone: it may still be writing
// the record that is to be removed.
func (s *server) awaitHangup() {
	for {
		_, files, err := linux.Receive(s.sock, messageLimit)
		if err != nil {
			return
		}
		for _, f := range files {
			_ = f.Close()
		}
	}
}

// readPlan blocks until rc has written the id maps, and is the first to look at ids.
func (s *server) readPlan() error {
	data, files, err := linux.Receive(s.sock, messageLimit)
	if err != nil {
		return err
	}
	if data[0] != msgPlan || len(files) == 0 {
		return errors.New("shim: the first message is no plan")
	}
	s.order = files[0]
	if err := decode(data[1:], s.plan.fields); err != nil {
		return err
	}
	if err := s.orders.take(&s.plan, files[1:]); err != nil {
		return err
	}
	s.place = s.plan.Place
	s.phase("plan read")
	return nil
}

// start goes from the plan to a running command.
func (s *server) start(ctx context.Context) error {
	if err := s.ownProc(); err != nil {
		return err
	}
	if s.birth.nested() && !s.birth.Wait {
		if err := s.fork(); err != nil {
			return err
		}
		s.phase("process forked")
	}
	if !s.birth.Wait {
		if err := s.connect(); err != nil {
			return err
		}
		s.phase("network begun")
	}
	if err := s.mountRoot(ctx); err != nil {
		return err
	}
	s.phase("root mounted")
	if s.birth.Wait {
		if err := s.forkInPlace(); err != nil {
			return err
		}
		s.phase("cgroup known, process forked")
	}
	if err := s.prepare(0); err != nil {
		return err
	}
	if err := s.awaitGo(); err != nil {
		return err
	}
	s.phase("record awaited")
	if s.plan.Hold {
		return s.startHeld()
	}
	if err := s.proc.Run(); err != nil {
		return err
	}
	s.phase("command executed")
	s.announce()
	s.poststart()
	if s.plan.New { // not by rc, which has better things to do before the start
		s.emit("create", nil)
	}
	s.emit("start", nil)
	s.heedSIGTERM()
	s.attend()
	return s.meetOwner()
}

// prepare takes a first process that was forked to the point where only its command is left
// to be executed.
func (s *server) prepare(restarts int) error {
	s.hookLife()
	if err := s.tell(); err != nil {
		return err
	}
	// The process sets itself up meanwhile.
	if err := s.openLog(); err != nil {
		return err
	}
	if err := s.describe(restarts); err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return err
	}
	if err := s.listenNotify(); err != nil {
		return err
	}
	// Before the command runs: whoever sees what it does finds the container's state.
	if err := s.writeState(); err != nil {
		return err
	}
	s.phase("process told, log and sockets made")
	if err := s.awaitNetwork(); err != nil {
		return err
	}
	s.phase("network awaited")
	if err := s.proc.Ready(); err != nil {
		return err
	}
	s.phase("process ready")
	s.pointsMade()
	s.console = s.proc.Console
	return nil
}

// attend begins to do several things at once. Until then only one is done: a goroutine that
// could run while the main one waits in a system call would cost a thread for good.
func (s *server) attend() {
	s.copyStreams()
	s.watchNetwork()
	if !s.attending {
		s.attending = true
		go s.accept()
		if s.notices != nil {
			go s.relay()
		}
	}
}

// startHeld is the rest of start for a container that is initialized only: rc goes, and the
// command runs when somebody says so (release).
func (s *server) startHeld() error {
	s.emit("init", nil)
	s.heedSIGTERM()
	s.attend()
	if err := s.meetOwner(); err != nil {
		return err
	}
	if err := s.hold(); err != nil {
		return err
	}
	if err := s.proc.Run(); err != nil {
		return err
	}
	s.announce()
	s.poststart()
	s.emit("start", nil)
	return nil
}

// release answers rc start of a container that is initialized.
func (s *server) release(conn *linux.Conn) error {
	held := false
	s.do(func() {
		if held = s.state.Phase == spec.Initialized; held {
			s.state.Phase = ""
			complain(s.writeState())
		}
	})
	if !held {
		return errNotRunning()
	}
	answer := started{PID: s.state.PID}
	return conn.Send(encode(msgStarted, answer.fields))
}

// openLog opens the container's log for the first life, and keeps it for the others.
func (s *server) openLog() error {
	if s.birth.Output == Direct || s.output.log != nil || s.output.later != nil {
		return nil
	}
	s.output.front = s.birth.Stdio
	if s.plan.Log.Driver == logs.None {
		return nil
	}
	config := logs.Config{
		Driver: s.plan.Log.Driver, Path: s.plan.Log.Path, MaxSize: s.plan.Log.MaxSize, MaxFiles: s.plan.Log.MaxFiles,
		Tag: s.plan.Log.Tag, ID: s.plan.ID, Name: s.plan.Name, Image: s.plan.Image,
	}
	if config.Driver != logs.Journald && config.Path == (spec.Log{}).File(s.plan.Records.Dir(s.plan.ID)) {
		s.output.later = &config // nothing but a full disk could be wrong with it
		return nil
	}
	var err error
	s.output.log, err = logs.Open(config)
	return err
}

// forkInPlace forks the first process once rc knows where it belongs.
func (s *server) forkInPlace() error {
	if err := s.awaitPlace(); err != nil {
		return err
	}
	if err := s.fork(); err != nil {
		return err
	}
	return s.connect()
}
