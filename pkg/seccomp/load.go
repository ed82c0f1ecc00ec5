package seccomp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// maxProfile is the size above which a file is no profile: docker's has 14 KB.
const maxProfile = 1 << 20

// readProfile reads a JSON file in docker's or podman's format, for Parse.
func readProfile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("open: %w", errs.ErrNotFound)
		}
		return nil, fmt.Errorf("seccomp profile %s: %w", path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxProfile+1))
	if err != nil {
		return nil, fmt.Errorf("seccomp profile %s: %w", path, err)
	}
	if len(data) > maxProfile {
		return nil, errs.Invalidf("seccomp profile %s: larger than %d KB", path, maxProfile>>10)
	}
	return data, nil
}

// Parse reads a profile; name is the file's, for errors.
func Parse(name string, data []byte) (*Profile, error) {
	root, err := parseJSON(data)
	if err == nil {
		var p *Profile
		if p, err = root.profile(); err == nil {
			p.Name = name
			return p, nil
		}
	}
	if at, ok := errors.AsType[located](err); ok {
		return nil, at.in(name, data)
	}
	return nil, errs.Invalidf("seccomp profile %s: %w", name, err)
}

// fields calls the function that knows a key for each member of an object. A key that
// nobody knows is an error: "arg" for "args" would turn a conditional permission into a
// plain one. Comments are welcome.
func (n *node) fields(known map[string]func(*node) error) error {
	if n.kind != '{' {
		return n.errorf("want an object, have %s", n.kindName())
	}
	for i := range n.members {
		m := &n.members[i]
		f, ok := known[m.key]
		switch {
		case m.key == "comment" || strings.HasPrefix(m.key, "_") || strings.HasPrefix(m.key, "$"):
		case !ok:
			return m.value.errorf("unknown field")
		default:
			if err := f(&m.value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *node) profile() (*Profile, error) {
	p := &Profile{}
	var action, archMap *node
	var errno errnoFields
	err := n.fields(map[string]func(*node) error{
		"defaultAction":   keep(&action),
		"defaultErrnoRet": keep(&errno.number),
		"defaultErrno":    keep(&errno.name),
		"architectures":   func(n *node) (err error) { p.Architectures, err = n.architectures(); return err },
		"archMap": func(n *node) error {
			archMap = n
			return n.each(func(item *node) error { return item.archMapEntry(p) })
		},
		"syscalls": func(n *node) error {
			return n.each(func(item *node) error {
				r, err := item.rule()
				p.Rules = append(p.Rules, r)
				return err
			})
		},
		"flags":            (*node).filterFlags,
		"listenerPath":     (*node).refuseListener,
		"listenerMetadata": (*node).refuseListener,
	})
	if err != nil {
		return nil, err
	}
	if len(p.Architectures) > 0 && len(p.ArchMap) > 0 {
		return nil, archMap.errorf("given together with architectures: use one of the two")
	}
	if action == nil {
		return nil, n.errorf("defaultAction: missing")
	}
	p.Default, err = action.verdict(errno)
	return p, err
}

// keep stores a member for later.
func keep(to **node) func(*node) error {
	return func(n *node) error {
		*to = n
		return nil
	}
}

func (n *node) archMapEntry(p *Profile) error {
	var a ArchMap
	err := n.fields(map[string]func(*node) error{
		"architecture":     func(n *node) (err error) { a.Arch, err = n.architecture(); return err },
		"subArchitectures": func(n *node) (err error) { a.Sub, err = n.architectures(); return err },
	})
	p.ArchMap = append(p.ArchMap, a)
	return err
}

func (n *node) architecture() (string, error) {
	s, err := n.isString()
	if err == nil && !knownArch(s) {
		err = n.errorf("unknown architecture %q: want one like SCMP_ARCH_X86_64 or SCMP_ARCH_AARCH64", s)
	}
	return s, err
}

func (n *node) architectures() ([]string, error) {
	var list []string
	err := n.each(func(item *node) error {
		s, err := item.architecture()
		list = append(list, s)
		return err
	})
	return list, err
}

// filterFlags takes the flags of seccomp(2) that change nothing for a process that loads
// its filter right before execve.
func (n *node) filterFlags() error {
	return n.each(func(item *node) error {
		s, err := item.isString()
		if err == nil && s != "SECCOMP_FILTER_FLAG_TSYNC" {
			err = item.errorf("%q is not supported: leave flags out", s)
		}
		return err
	})
}

func (n *node) refuseListener() error {
	if n.kind == 's' && n.text == "" || n.kind == '0' {
		return nil
	}
	return n.errorf("not supported: rc does not hand system calls to an agent")
}

func (n *node) rule() (Rule, error) {
	var r Rule
	var action, name *node
	var errno errnoFields
	err := n.fields(map[string]func(*node) error{
		"names":    func(n *node) (err error) { r.Names, err = n.strings(); return err },
		"name":     keep(&name),
		"action":   keep(&action),
		"errnoRet": keep(&errno.number),
		"errno":    keep(&errno.name),
		"args": func(n *node) error {
			return n.each(func(item *node) error {
				a, err := item.arg()
				r.Args = append(r.Args, a)
				return err
			})
		},
		"includes": func(n *node) (err error) { r.Includes, err = n.filter(); return err },
		"excludes": func(n *node) (err error) { r.Excludes, err = n.filter(); return err },
	})
	if err != nil {
		return r, err
	}
	if name != nil && name.text != "" { // the format before docker 1.12
		if len(r.Names) > 0 {
			return r, name.errorf("given together with names: use names")
		}
		s, err := name.isString()
		if err != nil {
			return r, err
		}
		r.Names = []string{s}
	}
	if len(r.Names) == 0 {
		return r, n.errorf("names: missing")
	}
	if action == nil {
		return r, n.errorf("action: missing")
	}
	r.Verdict, err = action.verdict(errno)
	return r, err
}

// errnoFields are the two ways to give an error number: docker's number and podman's name.
type errnoFields struct{ number, name *node }

// value is the error number, nil where none is given.
func (e errnoFields) value() (*uint64, error) {
	var v *uint64
	if e.number != nil && e.number.kind != '0' {
		n, err := e.number.unsigned(32)
		if err != nil {
			return nil, err
		}
		v = &n
	}
	if e.name == nil || e.name.kind == '0' || e.name.kind == 's' && e.name.text == "" {
		return v, nil
	}
	s, err := e.name.isString()
	if err != nil {
		return nil, err
	}
	n, ok := errnoByName(s)
	if !ok {
		return nil, e.name.errorf("unknown error name %q: want one like EPERM", s)
	}
	if v != nil && *v != n {
		return nil, e.name.errorf("%q is error number %d, but the number beside it is %d", s, n, *v)
	}
	return &n, nil
}

// errnoByName is the inverse of unix.ErrnoName.
func errnoByName(name string) (uint64, bool) {
	for n := 1; n <= 133; n++ { // EHWPOISON, the last of asm-generic/errno.h
		if unix.ErrnoName(unix.Errno(n)) == name {
			return uint64(n), true
		}
	}
	return 0, false
}

// verdict reads an action with the error number that stands beside it.
func (n *node) verdict(errno errnoFields) (Verdict, error) {
	data, err := errno.value()
	if err != nil {
		return 0, err
	}
	s, err := n.isString()
	if err != nil {
		return 0, err
	}
	v, err := verdict(s, data)
	if err != nil {
		return 0, n.errorf("%w", err)
	}
	return v, nil
}

func (n *node) arg() (Arg, error) {
	var a Arg
	var index, op, value *node
	err := n.fields(map[string]func(*node) error{
		"index":    keep(&index),
		"op":       keep(&op),
		"value":    keep(&value),
		"valueTwo": func(n *node) (err error) { a.ValueTwo, err = n.unsigned(64); return err },
	})
	if err != nil {
		return a, err
	}
	if index == nil || op == nil || value == nil {
		return a, n.errorf("want index, value and op")
	}
	i, err := index.unsigned(8)
	if err != nil {
		return a, err
	}
	if i > 5 {
		return a, index.errorf("%d: a system call has arguments 0 to 5", i)
	}
	a.Index = int(i)
	if a.Value, err = value.unsigned(64); err != nil {
		return a, err
	}
	s, err := op.isString()
	if err != nil {
		return a, err
	}
	for o, name := range opNames {
		if o > 0 && name == s {
			a.Op = Op(o)
			return a, nil
		}
	}
	return a, op.errorf("unknown operator %q: want one of %s", s, strings.Join(opNames[1:], ", "))
}

func (n *node) filter() (Filter, error) {
	var f Filter
	if n.kind == '0' {
		return f, nil
	}
	err := n.fields(map[string]func(*node) error{
		"caps":   func(n *node) (err error) { f.Caps, err = n.strings(); return err },
		"arches": func(n *node) (err error) { f.Arches, err = n.strings(); return err },
		"minKernel": func(n *node) error {
			s, err := n.isString()
			if err != nil || s == "" {
				return err
			}
			if f.MinKernel, err = parseKernel(s); err != nil {
				return n.errorf("%w", err)
			}
			return nil
		},
	})
	return f, err
}

// parseKernel reads "4.8".
func parseKernel(s string) (Kernel, error) {
	major, minor, ok := strings.Cut(s, ".")
	a, errA := strconv.ParseUint(major, 10, 8)
	b, errB := strconv.ParseUint(minor, 10, 8)
	if !ok || errA != nil || errB != nil || a == 0 && b == 0 {
		return Kernel{}, fmt.Errorf("kernel version %q: want MAJOR.MINOR like 4.8", s)
	}
	return Kernel{int(a), int(b)}, nil
}
