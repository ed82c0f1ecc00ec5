package oci

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// Reaper is `--init`: the container's pid 1 that starts the command, hands it signals,
// reaps what is orphaned, and ends with the command's exit code. args are what follows
// "reaper" on the command line: the socket's descriptor, the program, "--", argv. Its
// credentials, limits and filter are the container's already.
func Reaper(args []string) int {
	fd, ok := reaperArguments(args)
	if !ok {
		return errs.CodeError
	}
	// The thread that forks the command must not end before it, see PR_SET_PDEATHSIG(2const).
	runtime.LockOSThread()
	sock := os.NewFile(uintptr(fd), "socket")
	unix.CloseOnExec(fd)
	// Where pid 1 is another (--pid host) orphans come here nevertheless.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // without it they go to pid 1
	// Before the command exists: none may be lost.
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	command, err := startCommand(args[1], args[3:], fd)
	if err != nil {
		err = explainExec(args[3], args[1], err)
		_ = linux.Send(sock, encodeFailure(err)) // nobody else could be told
		return errs.Code(err)
	}
	_ = sock.Close() // tells the parent that the command runs
	for extra := firstExtra; extra < fd; extra++ {
		_ = unix.Close(extra) // the command's business, and its readers wait for the end of them
	}
	go forward(signals, command)
	return reap(command)
}

// reaperArguments checks what Reaper and Activated are called with, and gives the socket's descriptor.
func reaperArguments(args []string) (int, bool) {
	if len(args) < 4 || args[2] != "--" {
		fmt.Fprintln(os.Stderr, "rc-shim reaper: not to be called by hand")
		return 0, false
	}
	fd, err := strconv.Atoi(args[0])
	if err != nil || fd < firstExtra {
		fmt.Fprintf(os.Stderr, "rc-shim reaper: descriptor %q\n", args[0])
		return 0, false
	}
	return fd, true
}

// Activated becomes the command, as a child of the reaper that was handed sockets for it: sd_listen_fds(3) wants
// LISTEN_PID to be the process that has them, and nobody else knows that before it exists. args are the
// reaper's.
func Activated(args []string) int {
	fd, ok := reaperArguments(args)
	if !ok {
		return errs.CodeError
	}
	unix.CloseOnExec(fd)
	env := os.Environ()
	tellListenPID(env)
	err := explainExec(args[3], args[1], syscall.Exec(args[1], args[3:], env))
	_ = linux.Send(os.NewFile(uintptr(fd), "socket"), encodeFailure(err)) // nobody else could be told
	return errs.Code(err)
}

// tellListenPID makes LISTEN_PID this process, which becomes the command.
func tellListenPID(env []string) {
	for i, entry := range env {
		if strings.HasPrefix(entry, listenPID) {
			env[i] = listenPID + strconv.Itoa(os.Getpid())
		}
	}
}

const listenPID = "LISTEN_PID="

// startCommand forks the command as the leader of a session of its own, with the
// terminal, if there is one, as its controlling terminal: so a Ctrl-C reaches the command
// from the terminal, once, and not by way of this process a second time. All descriptors
// below end, the socket's, that are open are handed on.
func startCommand(program string, argv []string, end int) (int, error) {
	if os.Getenv("LISTEN_PID") != "" {
		argv = append([]string{"rc-init", "activated", strconv.Itoa(end), program, "--"}, argv...)
		program = "/proc/self/exe"
		end++
	}
	files := make([]uintptr, end)
	for i := range files {
		files[i] = uintptr(i)
		if _, err := unix.FcntlInt(uintptr(i), unix.F_GETFD, 0); err != nil {
			files[i] = ^uintptr(0) // closed
		}
	}
	sys := &syscall.SysProcAttr{Setsid: true}
	if _, err := unix.IoctlGetTermios(0, unix.TCGETS); err == nil && ownTerminal() {
		sys.Setctty = true
	}
	if os.Getpid() != 1 {
		// --pid host: nobody else would end the command when this process is killed.
		sys.Pdeathsig = syscall.SIGKILL
	}
	return syscall.ForkExec(program, argv, &syscall.ProcAttr{Env: os.Environ(), Files: files, Sys: sys})
}

// ownTerminal tells whether standard input is the container's terminal, rather than one of
// the host's that was handed in: that belongs to a session outside.
func ownTerminal() bool {
	var console, stdin unix.Stat_t
	return unix.Stat("/dev/console", &console) == nil && unix.Fstat(0, &stdin) == nil &&
		console.Rdev == stdin.Rdev && console.Ino == stdin.Ino && console.Dev == stdin.Dev
}

// forward hands signals on. SIGCHLD is reap's, and SIGURG the Go runtime sends itself.
func forward(signals <-chan os.Signal, command int) {
	for s := range signals {
		sig, ok := s.(syscall.Signal)
		if !ok || sig == syscall.SIGCHLD || sig == syscall.SIGURG || sig == syscall.SIGPIPE {
			continue
		}
		_ = unix.Kill(command, sig) // it may be gone
	}
}

// reap waits for every child until the command has ended, and returns its exit code.
func reap(command int) int {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return errs.CodeError // no child is left, which cannot be before the command's end
		case pid == command:
			return exitCode(status)
		}
	}
}
