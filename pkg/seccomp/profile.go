package seccomp

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Profile is a seccomp profile as written: conditions on capabilities, architecture and
// kernel are still in it.
type Profile struct {
	// Name is for errors: a path, or "default".
	Name string
	// Default is the verdict for calls that no rule matches.
	Default Verdict
	// Architectures is a flat list; ArchMap is docker's, by the machine's own
	// architecture. At most one of the two is set. The machine's own is always allowed.
	Architectures []string
	ArchMap       []ArchMap
	Rules         []Rule
}

// ArchMap names the further architectures that a machine of one architecture allows.
type ArchMap struct {
	Arch string
	Sub  []string
}

// Rule gives a verdict to system calls by name.
type Rule struct {
	Names    []string
	Verdict  Verdict
	Args     []Arg
	Includes Filter // the rule counts where all of it holds
	Excludes Filter // the rule does not count where any of it holds
}

// Filter is a condition on the container and the machine.
type Filter struct {
	Caps      []string // CAP_…
	Arches    []string // as docker names them: amd64, arm64, x86, …
	MinKernel Kernel
}

// Kernel is a kernel version; zero is none.
type Kernel struct{ Major, Minor int }

// atLeast reports whether k is the version min or a later one.
func (k Kernel) atLeast(min Kernel) bool {
	return k.Major > min.Major || k.Major == min.Major && k.Minor >= min.Minor
}

func (k Kernel) String() string { return fmt.Sprintf("%d.%d", k.Major, k.Minor) }

// Arg is a condition on one argument of a call; all numbers are unsigned.
type Arg struct {
	Index int // 0 to 5
	Op    Op
	// Value is compared with the argument; for MaskedEqual it is the mask and ValueTwo
	// is compared.
	Value, ValueTwo uint64
}

// Op is a comparison of an argument with a value.
type Op uint8

// The operators, as libseccomp's SCMP_CMP_… and runtime-spec name them.
const (
	NotEqual Op = iota + 1
	LessThan
	LessEqual
	Equal
	GreaterEqual
	GreaterThan
	MaskedEqual
)

// opNames are indexed by Op.
var opNames = [...]string{
	"", "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ",
	"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ",
}

// Verdict is what a filter returns to the kernel: SECCOMP_RET_… and 16 bits of data.
type Verdict uint32

// Verdicts without data.
const (
	Allow       Verdict = unix.SECCOMP_RET_ALLOW
	Log         Verdict = unix.SECCOMP_RET_LOG
	Trap        Verdict = unix.SECCOMP_RET_TRAP
	KillThread  Verdict = unix.SECCOMP_RET_KILL_THREAD
	KillProcess Verdict = unix.SECCOMP_RET_KILL_PROCESS
)

// Errno is the verdict that makes a call fail with an error number.
func Errno(errno uint16) Verdict { return unix.SECCOMP_RET_ERRNO | Verdict(errno) }

// Trace is the verdict that tells a ptracer; without one the call fails with ENOSYS.
func Trace(data uint16) Verdict { return unix.SECCOMP_RET_TRACE | Verdict(data) }

// isErrno reports whether the verdict is an error number.
func (v Verdict) isErrno() bool { return v&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_ERRNO }

// denies reports whether the call does not happen, or happens only if somebody else agrees.
func (v Verdict) denies() bool { return v != Allow && v != Log }

// maxErrno is the largest error number that a filter can return: MAX_ERRNO of the
// kernel's linux/err.h; seccomp(2) cuts larger ones down to it.
const maxErrno = 4095

// verdict makes a Verdict of what a profile says: a name of an action and a number, which
// is EPERM where none is given.
func verdict(action string, data *uint64) (Verdict, error) {
	n := uint64(unix.EPERM)
	if data != nil {
		n = *data
	}
	switch action {
	case "SCMP_ACT_ALLOW":
		return Allow, nil
	case "SCMP_ACT_LOG":
		return Log, nil
	case "SCMP_ACT_TRAP":
		return Trap, nil
	case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD":
		return KillThread, nil
	case "SCMP_ACT_KILL_PROCESS":
		return KillProcess, nil
	case "SCMP_ACT_ERRNO":
		if n > maxErrno {
			return 0, fmt.Errorf("error number %d: want 0 to %d", n, maxErrno)
		}
		return Errno(uint16(n)), nil
	case "SCMP_ACT_TRACE":
		if n > unix.SECCOMP_RET_DATA {
			return 0, fmt.Errorf("trace data %d: want 0 to %d", n, unix.SECCOMP_RET_DATA)
		}
		return Trace(uint16(n)), nil
	case "SCMP_ACT_NOTIFY":
		return 0, errors.New("SCMP_ACT_NOTIFY is not supported: rc has no agent that would answer; " +
			"use SCMP_ACT_ERRNO")
	}
	return 0, fmt.Errorf("unknown action %q: want SCMP_ACT_ALLOW, _ERRNO, _KILL, _KILL_PROCESS, "+
		"_KILL_THREAD, _LOG, _TRACE or _TRAP", action)
}

// applies reports whether a rule counts for a container.
func (r *Rule) applies(o Options) bool {
	if slices.Contains(r.Excludes.Arches, dockerArch(o.Arch)) ||
		slices.ContainsFunc(r.Excludes.Caps, o.hasCap) ||
		r.Excludes.MinKernel != (Kernel{}) && o.Kernel.atLeast(r.Excludes.MinKernel) {
		return false
	}
	if len(r.Includes.Arches) > 0 && !slices.Contains(r.Includes.Arches, dockerArch(o.Arch)) {
		return false
	}
	for _, c := range r.Includes.Caps {
		if !o.hasCap(c) {
			return false
		}
	}
	return o.Kernel.atLeast(r.Includes.MinKernel)
}

// hasCap reports whether the container's bounding set has a capability.
func (o Options) hasCap(name string) bool {
	return slices.ContainsFunc(o.Caps, func(c string) bool { return strings.EqualFold(c, name) })
}

// dockerArch is the name by which docker's profiles call a GOARCH in includes and excludes.
func dockerArch(goarch string) string {
	if goarch == "386" {
		return "x86"
	}
	return goarch
}
