package state

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// node is a file, a directory or a link of a disk in memory.
type node struct {
	dir    map[string]*node // nil for what is none
	target string           // of a link
	made   int              // the operation that made a file
}

// disk is what a file system has after some operations.
type disk struct{ root *node }

// lookup is the directory above path, and the last name; nil where there is none.
func (d *disk) lookup(path string) (*node, string) {
	at := d.root
	names := strings.Split(strings.Trim(path, "/"), "/")
	for _, name := range names[:len(names)-1] {
		if at = at.dir[name]; at == nil || at.dir == nil {
			return nil, ""
		}
	}
	return at, names[len(names)-1]
}

// apply does an operation on names; one that cannot be done, because what it needs was lost, is lost, too.
func (d *disk) apply(i int, o op) {
	parent, name := d.lookup(o.path)
	if parent == nil {
		return
	}
	there := parent.dir[name]
	switch o.kind {
	case "mkdir":
		if there == nil {
			parent.dir[name] = &node{dir: map[string]*node{}}
		}
	case "create":
		if there == nil {
			parent.dir[name] = &node{made: i}
		}
	case "symlink":
		if there == nil {
			parent.dir[name] = &node{target: o.to}
		}
	case "unlink":
		if there != nil && len(there.dir) == 0 {
			delete(parent.dir, name)
		}
	case "rename":
		to, toName := d.lookup(o.to)
		if there == nil || to == nil || to.dir[toName] != nil && len(to.dir[toName].dir) > 0 {
			return
		}
		delete(parent.dir, name)
		to.dir[toName] = there
	}
}

// contents are the files' at the end of ops, by the operation that made them: all that was
// written, or what was synced.
func contents(ops []op, all bool) map[int][]byte {
	made := map[string]int{} // by path at the time
	full, synced := map[int][]byte{}, map[int][]byte{}
	for i, o := range ops {
		switch o.kind {
		case "create":
			if _, ok := made[o.path]; !ok {
				made[o.path] = i
			} else if o.truncate {
				full[made[o.path]] = nil
			}
		case "write":
			full[made[o.path]] = append(slices.Clone(full[made[o.path]]), o.data...)
		case "sync":
			if id, ok := made[o.path]; ok {
				synced[id] = full[id]
			}
		case "unlink":
			delete(made, o.path)
		case "rename":
			// A directory takes along what is in it.
			for path, id := range maps.Clone(made) {
				if rest, ok := strings.CutPrefix(path, o.path); ok && (rest == "" || rest[0] == '/') {
					delete(made, path)
					made[o.to+rest] = id
				}
			}
		}
	}
	if all {
		return full
	}
	return synced
}

// unsynced are the operations on names that a power cut at the end of ops may undo.
func unsynced(ops []op) []int {
	var open []int
	for i, o := range ops {
		switch o.kind {
		case "mkdir", "create", "symlink", "unlink", "rename":
			open = append(open, i)
		case "sync":
			open = slices.DeleteFunc(open, func(j int) bool {
				p := ops[j]
				return filepath.Dir(p.path) == o.path && (p.kind != "rename" || filepath.Dir(p.to) == o.path)
			})
		}
	}
	return open
}

// lost are sets of operations that a power cut at the end of ops could have undone: none, all, what
// came after each (a journal that was cut), each alone, and all but each.
func lost(ops []op) []map[int]bool {
	open := unsynced(ops)
	sets := []map[int]bool{{}}
	add := func(indices ...int) {
		set := map[int]bool{}
		for _, i := range indices {
			set[i] = true
		}
		sets = append(sets, set)
	}
	for n := range open {
		add(open[n:]...)
		add(open[n])
		add(slices.Concat(open[:n], open[n+1:])...)
	}
	return sets
}

// fingerprint names what is on the disk below data, so that each case is looked at once.
func (d *disk) fingerprint(files map[int][]byte) string {
	var b strings.Builder
	var walk func(path string, n *node)
	walk = func(path string, n *node) {
		switch {
		case n.dir != nil:
			fmt.Fprintf(&b, "%s/\n", path)
			for _, name := range slices.Sorted(maps.Keys(n.dir)) {
				walk(path+"/"+name, n.dir[name])
			}
		case n.target != "":
			fmt.Fprintf(&b, "%s → %s\n", path, n.target)
		default:
			fmt.Fprintf(&b, "%s %q\n", path, files[n.made])
		}
	}
	walk("", d.root)
	return b.String()
}

// write puts the disk into a directory, as old as if the cut had been long ago.
func (d *disk) write(t *testing.T, dir string, files map[int][]byte) {
	t.Helper()
	long := time.Now().Add(-time.Hour)
	var walk func(path string, n *node) error
	walk = func(path string, n *node) error {
		switch {
		case n.target != "":
			return os.Symlink(n.target, path)
		case n.dir == nil:
			if err := os.WriteFile(path, files[n.made], 0o600); err != nil {
				return err
			}
		default:
			if err := os.MkdirAll(path, 0o700); err != nil {
				return err
			}
			for name, child := range n.dir {
				if err := walk(filepath.Join(path, name), child); err != nil {
					return err
				}
			}
		}
		return os.Chtimes(path, long, long)
	}
	if err := walk(dir, d.root); err != nil {
		t.Fatal(err)
	}
}
