package files

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/stack"
	"github.com/rc-containers/rc/pkg/store"
)

// target is what the layers below and the new one show together. Nothing is written until all of it is known, so what
// goes wrong has changed nothing.
type target struct {
	root *node
	// made is the inode of directories that are made on the way.
	made inode
}

// close closes the directories that are open still.
func (t *target) close() {
	t.root.shutAll()
	t.root.below.Close()
}

func (n *node) shutAll() {
	n.shut()
	for _, kid := range n.kids() {
		kid.shutAll()
	}
}

// node is a name in the target.
type node struct {
	name   string
	parent *node
	ino    *inode
	// changed nodes are in the new layer; others only lie on the way, or are below.
	changed bool
	*folder // of a directory, nil where there is nothing to say
}

// folder is what directories have.
type folder struct {
	nodes []*node // sorted by name
	// opaque directories hide those below.
	opaque bool
	// below are the directories of that name in the layers below; see open.
	below     stack.Dir
	hasBelow  bool
	belowOpen bool
}

// newTarget opens the layers below, the topmost first. Close it.
func newTarget(lower []string, made inode) (*target, error) {
	layers, err := stack.Open(lower...)
	if err != nil {
		return nil, err
	}
	if len(layers) != len(lower) {
		layers.Close()
		return nil, store.ErrGone
	}
	root := &node{folder: &folder{hasBelow: true, belowOpen: true, below: layers}}
	d := layersDir{layers: layers}
	it, err := d.self()
	if err != nil {
		layers.Close()
		return nil, err
	}
	root.ino = newInode(&it)
	root.ino.ours = true
	return &target{root: root, made: made}, nil
}

func (n *node) path() string {
	if n.parent == nil {
		return "/"
	}
	var parts []string
	for at := n; at.parent != nil; at = at.parent {
		parts = append(parts, at.name)
	}
	slices.Reverse(parts)
	return "/" + strings.Join(parts, "/")
}

// open opens the directories below a node; shut closes them until they are needed again, since there may be more
// directories than descriptors.
func (n *node) open() (stack.Dir, error) {
	if n.folder == nil || !n.hasBelow || n.belowOpen {
		return n.opened(), nil
	}
	above, err := n.parent.open()
	if err != nil {
		return nil, err
	}
	e, err := above.LookUp(n.name)
	if e == nil || err != nil {
		return nil, err
	}
	n.below, n.belowOpen = e.Below, true
	return n.below, nil
}

func (n *node) opened() stack.Dir {
	if n.folder == nil {
		return nil
	}
	return n.below
}

func (n *node) shut() {
	if n.folder != nil && n.belowOpen && n.parent != nil {
		n.below.Close()
		n.below, n.belowOpen = nil, false
	}
}

// kids are the nodes in a directory, sorted by name.
func (n *node) kids() []*node {
	if n.folder == nil {
		return nil
	}
	return n.nodes
}

func (n *node) find(name string) (int, bool) {
	kids := n.kids()
	// What is copied comes in order.
	if len(kids) == 0 || kids[len(kids)-1].name < name {
		return len(kids), false
	}
	return slices.BinarySearchFunc(kids, name, func(kid *node, name string) int { return strings.Compare(kid.name, name) })
}

// look gives what a name in a directory is, nil for nothing.
func (n *node) look(name string) (*node, error) {
	if i, ok := n.find(name); ok {
		return n.nodes[i], nil
	}
	below, err := n.open()
	if err != nil || below == nil {
		return nil, err
	}
	e, err := below.LookUp(name)
	if e == nil || err != nil {
		return nil, err
	}
	defer e.Close()
	kid := &node{name: name, ino: newInode(&item{st: e.Stat})}
	if e.IsDir() {
		kid.folder = &folder{hasBelow: true}
	}
	kid.ino.ours = true
	if kid.ino.kind() == unix.S_IFLNK {
		if kid.ino.link, err = readlinkat(e.FD, ""); err != nil {
			return nil, fmt.Errorf("readlink %q: %w", path.Join(n.path(), name), err)
		}
	}
	n.keep(kid)
	return kid, nil
}

func (n *node) keep(kid *node) {
	if n.folder == nil {
		n.folder = &folder{}
	}
	kid.parent = n
	i, there := n.find(kid.name)
	if there {
		n.nodes[i].shutAll()
		n.nodes[i] = kid
		return
	}
	n.nodes = slices.Insert(n.nodes, i, kid)
}

// put makes something in the new layer, in the place of whatever there is.
func (n *node) put(name string, ino *inode) (*node, error) {
	if strings.HasPrefix(name, stack.WhiteoutPrefix) {
		return nil, errs.WithHint(errs.Unsupportedf("copy %q: in the layers of an image, names that begin with %q stand for what is deleted",
			path.Join(n.path(), name), stack.WhiteoutPrefix), "leave it out: name it in .dockerignore, or use --exclude")
	}
	kid := &node{name: name, ino: ino, changed: true}
	if ino.isDir() {
		// A directory that takes the place of a file of this layer hides by itself nothing of a directory
		// below, as the file did.
		old, err := n.look(name)
		if err != nil {
			return nil, err
		}
		kid.folder = &folder{opaque: old != nil && !old.ino.isDir() && old.changed}
	}
	n.keep(kid)
	return kid, nil
}

// change gives a directory other attributes.
func (n *node) change(ino *inode) {
	if n.parent != nil {
		n.ino, n.changed = ino, true
	}
}

// directory walks to a directory; symbolic links lead where they lead in the target, what is missing is made.
func (t *target) directory(p string) (*node, error) { return t.root.walk(p, &t.made) }

// walk walks to a directory below n, as if n were the root. What is missing is made like made; without that, nil is for
// what is missing.
func (n *node) walk(p string, made *inode) (*node, error) {
	at, links := n, 0
	for rest := components(p); len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		if name == ".." {
			if at != n {
				at = at.parent
			}
			continue
		}
		next, err := at.look(name)
		if err != nil {
			return nil, err
		}
		if next == nil && made == nil {
			return nil, nil
		}
		if next == nil {
			ino := *made
			if next, err = at.put(name, &ino); err != nil {
				return nil, err
			}
		}
		switch next.ino.kind() {
		case unix.S_IFDIR:
			at = next
		case unix.S_IFLNK:
			if links++; links > maxLinks {
				return nil, fmt.Errorf("%q: %w", p, unix.ELOOP)
			}
			if strings.HasPrefix(next.ino.link, "/") {
				at = n
			}
			rest = append(components(next.ino.link), rest...)
		default:
			return nil, errs.Invalidf("%q is not a directory in the image", next.path())
		}
	}
	return at, nil
}

// place resolves where something is to be put: the directory, which is made, and the name there. The last component is
// followed if it is a link; node is what is there, nil for nothing.
func (t *target) place(p string) (parent *node, name string, there *node, err error) {
	for links := 0; ; {
		p = path.Clean("/" + p)
		if p == "/" {
			return nil, "", t.root, nil
		}
		dir, base := path.Split(p)
		if parent, err = t.directory(dir); err != nil {
			return nil, "", nil, err
		}
		if there, err = parent.look(base); err != nil {
			return nil, "", nil, err
		}
		if there == nil || there.ino.kind() != unix.S_IFLNK {
			return parent, base, there, nil
		}
		if links++; links > maxLinks {
			return nil, "", nil, fmt.Errorf("%q: %w", p, unix.ELOOP)
		}
		if p = there.ino.link; !strings.HasPrefix(p, "/") {
			p = parent.path() + "/" + p
		}
	}
}

// merge puts a chosen tree in a directory under a name. overwrite gives directories that are there the attributes
// of the chosen ones.
func (t *target) merge(parent *node, name string, p *pick, overwrite bool) error {
	there, err := parent.look(name)
	if err != nil {
		return err
	}
	if !p.ino.isDir() {
		if there != nil && there.ino.isDir() {
			return errs.Invalidf("copy to %q: there is a directory, which a file cannot replace", there.path())
		}
		_, err := parent.put(name, p.ino)
		return err
	}
	switch {
	case there == nil:
		if there, err = parent.put(name, p.ino); err != nil {
			return err
		}
	case !there.ino.isDir():
		return errs.Invalidf("copy to %q: it is not a directory, which a directory cannot replace", there.path())
	case p.pending:
		// Of directories on the way to what was chosen only the mode counts.
		mode := *there.ino
		mode.mode = p.ino.mode
		there.change(&mode)
	case overwrite:
		there.change(p.ino)
	}
	return t.mergeAll(there, p)
}

// mergeAll puts what is in a chosen directory into one that is there.
func (t *target) mergeAll(n *node, p *pick) error {
	for _, kid := range p.kids {
		if err := t.merge(n, kid.name, kid, true); err != nil {
			return err
		}
	}
	n.shut()
	return nil
}

// settle says whether anything in a tree is part of the new layer, and forgets what is not.
func (n *node) settle() bool {
	if n.folder == nil {
		return n.changed
	}
	n.nodes = slices.DeleteFunc(n.nodes, func(kid *node) bool {
		if kid.settle() {
			return false
		}
		kid.shutAll()
		return true
	})
	return n.changed || len(n.nodes) > 0
}
