package shim

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/oci"
)

// SocketFD is the shim's end of the socket to rc. The container's descriptors follow it:
// its cgroup, its standard streams, a user namespace to join, and what it inherits from 3 on.
const SocketFD = 3

const (
	cgroupFD = SocketFD + 1 + iota
	stdinFD
	_ // standard output
	_ // and error
	usernsFD

	// HubFD is where a shim holds the network namespace of the user's bridges, for those who come
	// later (pkg/network/hub).
	HubFD
	extraFD
)

// Birth is what the shim is started with: as much as it needs to fork the container's
// first process, which it does before it is told what that shall do.
type Birth struct {
	// Flags are the CLONE_NEW* of the process: oci.Order's.
	Flags uintptr
	// Wait says that SendPlace will say where the process belongs, so that it cannot be forked
	// before that. Cgroup is the directory that it belongs into otherwise, nil for none.
	Wait   bool
	Cgroup *os.File
	// Output says what the shim does with standard output and error. Stdio are the standard
	// streams that rc has for the process; nil is /dev/null. The process gets them itself, but
	// for output that goes by way of the shim: then the shim writes to them.
	Output Output
	Stdio  [3]*os.File
	// OpenStdin gives the process a standard input that whoever attaches writes to.
	OpenStdin bool
	// Userns, where it is set, is the user namespace that the process joins: another container's.
	Userns *os.File
	// Bridges says that the container is on bridge networks. Hub is the network namespace that the
	// bridges are in, nil for one to be made.
	Bridges bool
	Hub     *os.File
	// Extra are its descriptors from 3 on.
	Extra []*os.File
}

// Output is the way of what a container prints.
type Output int

const (
	// Direct output does not touch the shim.
	Direct Output = iota
	// Copied output comes by pipes: for the log, and for who attaches.
	Copied
	// Terminal is the same by way of a terminal, which is standard input, too.
	Terminal
)

// Command is the shim's argv, and its descriptors from SocketFD on; a nil one is to be
// closed.
func (b *Birth) Command(sock *os.File) (args []string, files []*os.File) {
	given := append(append([]*os.File{b.Cgroup}, b.Stdio[:]...), b.Userns, b.Hub)
	hints := uint64(0)
	for i, f := range given {
		if f != nil {
			hints |= 1 << i
		}
	}
	if b.Wait {
		hints |= hintWait
	}
	if b.OpenStdin {
		hints |= hintOpenStdin
	}
	if b.Bridges {
		hints |= hintBridges
	}
	hints |= uint64(b.Output) << outputShift
	args = []string{
		"rc-shim", "serve", strconv.FormatUint(uint64(b.Flags), 16), strconv.FormatUint(hints, 16), strconv.Itoa(len(b.Extra)),
	}
	if b.Bridges && b.Hub == nil {
		given[len(given)-1] = sock // so that the number is nobody else's until makeHub
	}
	return args, append(append([]*os.File{sock}, given...), b.Extra...)
}

// The bits of the second argument: which of the descriptors from cgroupFD on are there, and
// the rest of Birth. What is not given may be open all the same: Go's runtime has files of
// its own.
const (
	hintCgroup    = 1 << iota
	hintStdin     // and two more
	hintUserns    = 1 << 4
	hintHub       = 1 << 5
	hintWait      = 1 << 6
	hintOpenStdin = 1 << 7
	hintBridges   = 1 << 8
	outputShift   = 9
)

// readBirth is Command's other side; args are those after "serve".
func readBirth(args []string) (*Birth, error) {
	if len(args) != 3 {
		return nil, errors.New("rc-shim serve: not to be called by hand")
	}
	flags, err := strconv.ParseUint(args[0], 16, 64)
	if err != nil {
		return nil, fmt.Errorf("rc-shim serve: flags %q: %w", args[0], err)
	}
	extra, err := strconv.Atoi(args[2])
	if err != nil || extra < 0 || extra > 1<<20 {
		return nil, fmt.Errorf("rc-shim serve: %q descriptors", args[2])
	}
	hints, err := strconv.ParseUint(args[1], 16, 16)
	if err != nil {
		return nil, fmt.Errorf("rc-shim serve: hints %q: %w", args[1], err)
	}
	b := &Birth{
		Flags: uintptr(flags), Wait: hints&hintWait != 0, OpenStdin: hints&hintOpenStdin != 0, Output: Output(hints >> outputShift),
		Bridges: hints&hintBridges != 0,
	}
	if hints&hintCgroup != 0 {
		b.Cgroup = inherited(cgroupFD, "cgroup")
	}
	if hints&hintUserns != 0 {
		b.Userns = inherited(usernsFD, "userns")
	}
	for i := range b.Stdio {
		if hints&(hintStdin<<i) != 0 {
			b.Stdio[i] = inherited(stdinFD+i, "stdio")
		}
	}
	if hints&hintHub != 0 {
		b.Hub = inherited(HubFD, "hub")
	}
	for i := range extra {
		b.Extra = append(b.Extra, inherited(extraFD+i, "preserved"))
	}
	return b, nil
}

// inherited is a descriptor that the shim was started with, and that its children get only
// where they shall.
func inherited(fd int, name string) *os.File {
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name)
}

// fork makes a first process of the container, in its cgroup.
func (s *server) fork() error {
	var err error
	if s.exe == nil {
		// For its life: /proc/PID/exe of the container's processes.
		if s.exe, err = oci.ReadOnlyExe(); err != nil {
			return err
		}
	}
	stdio, err := s.openStreams()
	if err != nil {
		return err
	}
	defer stdio.close()
	b := s.birth
	s.proc, err = oci.Fork(oci.Birth{
		Flags: b.Flags, Cgroup: b.Cgroup, Stdin: stdio.files[0], Stdout: stdio.files[1], Stderr: stdio.files[2],
		ExtraFiles: b.Extra, DieWithParent: !ownPIDs(), Exe: s.exe,
		UIDs: s.plan.UIDs, GIDs: s.plan.GIDs, Userns: b.Userns,
	})
	return err
}

// late tells whether the first process cannot be forked before the plan is there: where it belongs, or
// the ids of its user namespace, are not known, and those can be written only by somebody who has ids.
func (b *Birth) late() bool { return b.Wait || b.nested() }

// nested tells whether the container has a user namespace within the shim's.
func (b *Birth) nested() bool { return b.Flags&unix.CLONE_NEWUSER != 0 }

// letGo closes what only the first life's process needed.
func (s *server) letGo() {
	files := s.birth.Extra
	if s.birth.Output != Terminal {
		files = append(files, s.birth.Stdio[0])
		s.birth.Stdio[0] = nil
	}
	if s.birth.Output == Direct {
		files = append(files, s.birth.Stdio[1:]...)
		s.birth.Stdio = [3]*os.File{}
	}
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
	s.birth.Extra = nil
}

// ownPIDs tells whether there is an outer pid namespace, whose first process the shim is.
func ownPIDs() bool { return unix.Getpid() == 1 }

// tree is a detached copy of what the shim has mounted at path, for the first process.
func tree(path string, recursive bool) (*os.File, error) {
	fd, err := linux.CloneTree(unix.AT_FDCWD, path, recursive)
	if errors.Is(err, unix.ENOSYS) {
		err = errs.WithCheck(err, "rc needs Linux 5.6 or newer", "kernel")
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}
