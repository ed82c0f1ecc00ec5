package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// Changes are the writes that turn a cgroup with the limits was into one with the limits next:
// what is new or differs, and the kernel's defaults for what is no more.
func Changes(was, next []File) []File {
	var changes []File
	for _, f := range next {
		if !slices.ContainsFunc(was, func(o File) bool { return o.Name == f.Name && o.Value == f.Value }) {
			changes = append(changes, f)
		}
	}
	for _, f := range was {
		if slices.ContainsFunc(next, func(n File) bool { return n.subject() == f.subject() }) {
			continue
		}
		if value, ok := f.reset(); ok {
			f.Value = value
			changes = append(changes, f)
		}
	}
	return changes
}

// subject is what a write is about: the file and, where it has a line for each of many, the
// device and the key.
func (f File) subject() string {
	device, rest, ok := strings.Cut(f.Value, " ")
	if !ok || !strings.Contains(device, ":") {
		return f.Name
	}
	key, _, keyed := strings.Cut(rest, "=")
	if !keyed {
		key = ""
	}
	return f.Name + " " + device + " " + key
}

// reset is the kernel's default, as cgroup-v2.rst has it; it is not known of files that were
// given by name.
func (f File) reset() (string, bool) {
	switch f.Name {
	case "memory.max", "memory.swap.max", "pids.max":
		return "max", true
	case "memory.low":
		return "0", true
	case "cpu.weight", "io.weight", "io.bfq.weight":
		return "100", true
	case "cpu.max":
		return "max " + utoa(stdCPUPeriod), true
	case "cpuset.cpus", "cpuset.mems":
		return "\n", true // write(2) of nothing at all does nothing
	case "io.max":
		before, _, ok := strings.Cut(f.Value, "=")
		return before + "=max", ok
	}
	return "", false
}

// Equip makes sure that the container's cgroup dir has the controllers that files need, and
// enables them above it where they are not. errs.ErrUnsupported: they are not delegated;
// errs.ErrInUse: processes in the unit are in the way.
func (h Hierarchy) Equip(dir string, files []File) error {
	have, err := Controllers(dir)
	if err != nil {
		return err
	}
	need, flags := lack(files, have)
	if len(need) == 0 {
		return nil
	}
	above := filepath.Dir(dir)
	if err := h.Missing(files, above); err != nil {
		return err
	}
	// A scope's processes are in its leaves; elsewhere there may be some in the way.
	err = Enable(above, need, filepath.Base(dir) != ContainerLeaf)
	if errors.Is(err, errs.ErrInUse) {
		return errs.WithHint(fmt.Errorf("set %s: %w", strings.Join(flags, ", "), err),
			"stop the container, update it, and start it: it gets a cgroup of its own for the limit then")
	}
	return err
}

// Update writes files into a cgroup that is in use. What was there is back after an error;
// else undo brings it back.
func Update(dir string, files []File) (undo func() error, err error) {
	var before []File
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			continue // Apply knows whether that matters
		}
		f.Value = f.before(string(data))
		before = append(before, f)
	}
	slices.Reverse(before)
	undo = func() error { return Apply(dir, before) }
	if err := Apply(dir, files); err != nil {
		// What the kernel had a moment ago it takes again.
		return nil, errors.Join(err, undo())
	}
	return undo, nil
}

// before is what to write in order to have what a file of the kernel's says.
func (f File) before(content string) string {
	switch f.Name {
	case "io.max":
		device, _, _ := strings.Cut(f.Value, " ")
		for line := range strings.SplitSeq(content, "\n") {
			if strings.HasPrefix(line, device+" ") {
				return line
			}
		}
		return device + " rbps=max wbps=max riops=max wiops=max"
	case "io.weight", "io.bfq.weight":
		first, _, _ := strings.Cut(content, "\n")
		return strings.TrimPrefix(first, "default ")
	}
	if content = strings.TrimSpace(content); content == "" {
		return "\n"
	}
	return content
}
