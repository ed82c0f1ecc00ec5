package files

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// change is a --chmod: an octal mode, or clauses as chmod(1) has them.
type change struct {
	octal   *uint32
	clauses []clause
}

type clause struct {
	who  uint32 // bits of those that it is about
	op   byte
	perm func(mode uint32, who uint32) uint32
}

// Bits that the letters of chmod(1) stand for.
const (
	forUser  = 0o4700
	forGroup = 0o2070
	forOther = 0o0007
	forAll   = forUser | forGroup | forOther
	sticky   = 0o1000 // everybody's to set: o alone does not
)

func parseChmod(value string) (*change, error) {
	invalid := func() error {
		return errs.Invalidf("--chmod %q: want an octal number from 0 to 7777, or changes as chmod(1) has them, such as u=rwX,go=rX", value)
	}
	if n, err := strconv.ParseUint(value, 8, 32); err == nil {
		if n > 0o7777 {
			return nil, invalid()
		}
		mode := uint32(n)
		return &change{octal: &mode}, nil
	}
	c := &change{}
	for part := range strings.SplitSeq(value, ",") {
		clauses, ok := parseClause(part)
		if !ok {
			return nil, invalid()
		}
		c.clauses = append(c.clauses, clauses...)
	}
	return c, nil
}

// parseClause reads [ugoa]*([-+=]([rwxXst]*|[ugo]))+.
func parseClause(text string) ([]clause, bool) {
	who, i := uint32(0), 0
	for ; i < len(text); i++ {
		bits, ok := map[byte]uint32{'u': forUser, 'g': forGroup, 'o': forOther, 'a': forAll}[text[i]]
		if !ok {
			break
		}
		who |= bits
	}
	if who == 0 {
		who = forAll // with no umask
	}
	var all []clause
	for i < len(text) {
		c := clause{who: who, op: text[i]}
		if c.op != '+' && c.op != '-' && c.op != '=' {
			return nil, false
		}
		i++
		from := i
		for i < len(text) && strings.IndexByte("+-=", text[i]) < 0 {
			i++
		}
		var ok bool
		if c.perm, ok = permissions(text[from:i]); !ok {
			return nil, false
		}
		all = append(all, c)
	}
	return all, len(all) > 0
}

// permissions gives a function from a mode to the bits that letters stand for.
func permissions(letters string) (func(mode, who uint32) uint32, bool) {
	if len(letters) == 1 && strings.Contains("ugo", letters) {
		shift := map[string]int{"u": 6, "g": 3, "o": 0}[letters]
		return func(mode, who uint32) uint32 {
			bits := mode >> shift & 7
			return (bits<<6 | bits<<3 | bits) & who
		}, true
	}
	var bits uint32
	search, special := false, uint32(0)
	for _, l := range letters {
		switch l {
		case 'r':
			bits |= 0o444
		case 'w':
			bits |= 0o222
		case 'x':
			bits |= 0o111
		case 'X':
			search = true
		case 's':
			special |= 0o6000
		case 't':
			special |= sticky
		default:
			return nil, false
		}
	}
	return func(mode, who uint32) uint32 {
		b := bits
		if search && (mode&unix.S_IFMT == unix.S_IFDIR || mode&0o111 != 0) {
			b |= 0o111
		}
		if who != forOther {
			who |= sticky
		}
		return (b | special) & who
	}, true
}

// apply gives the mode that something has after the change.
func (c *change) apply(mode uint32) uint32 {
	if c == nil {
		return mode
	}
	if c.octal != nil {
		return mode&^0o7777 | *c.octal
	}
	for _, cl := range c.clauses {
		bits := cl.perm(mode, cl.who)
		switch cl.op {
		case '+':
			mode |= bits
		case '-':
			mode &^= bits
		default:
			mode = mode&^cl.who | bits
		}
	}
	return mode
}

// directories is the mode of directories that are made on the way.
func (c *change) directories() uint32 {
	if c != nil && c.octal != nil {
		return unix.S_IFDIR | *c.octal&0o777
	}
	return unix.S_IFDIR | 0o755
}
