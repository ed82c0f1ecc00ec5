package seccomp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/rc-containers/rc/pkg/errs"
)

// node is a JSON value that knows where it stands, so that an error can say so.
type node struct {
	offset  int64
	path    string // syscalls[3].args[0].op
	kind    byte   // '{', '[', 's'tring, 'n'umber, 'b'ool, '0' for null
	text    string // of a string or a number
	members []member
	items   []node
}

type member struct {
	key   string
	value node
}

// maxDepth is deeper than any profile goes: an array of rules with an array of arguments.
const maxDepth = 16

// parseJSON reads one JSON value and nothing after it.
func parseJSON(data []byte) (node, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	n, err := readNode(d, "", 0)
	if err != nil {
		if _, ok := errors.AsType[located](err); ok {
			return n, err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the file ends in the middle of a value")
		}
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return n, located{syntax.Offset, "", err}
		}
		return n, located{d.InputOffset(), "", err}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return n, located{d.InputOffset(), "", errors.New("something follows the profile's closing brace")}
	}
	return n, nil
}

func readNode(d *json.Decoder, path string, depth int) (node, error) {
	tok, err := d.Token()
	n := node{offset: d.InputOffset(), path: path}
	if err != nil {
		return n, err
	}
	if depth > maxDepth {
		return n, n.errorf("nested too deeply")
	}
	switch v := tok.(type) {
	case string:
		n.kind, n.text = 's', v
	case json.Number:
		n.kind, n.text = 'n', v.String()
	case bool:
		n.kind = 'b'
	case nil:
		n.kind = '0'
	case json.Delim:
		n.kind = byte(v)
		if v == '{' {
			err = n.readObject(d, depth)
		} else {
			err = n.readArray(d, depth)
		}
	}
	return n, err
}

func (n *node) readObject(d *json.Decoder, depth int) error {
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return err
		}
		key, ok := tok.(string)
		if !ok {
			return n.errorf("a key must be a string")
		}
		path := key
		if n.path != "" {
			path = n.path + "." + key
		}
		for _, m := range n.members {
			if m.key == key {
				return located{d.InputOffset(), path, errors.New("given twice")}
			}
		}
		value, err := readNode(d, path, depth+1)
		if err != nil {
			return err
		}
		n.members = append(n.members, member{key, value})
	}
	_, err := d.Token() // the closing brace
	return err
}

func (n *node) readArray(d *json.Decoder, depth int) error {
	for d.More() {
		item, err := readNode(d, n.path+"["+strconv.Itoa(len(n.items))+"]", depth+1)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, err := d.Token() // the closing bracket
	return err
}

// located is an error at a place in the file.
type located struct {
	offset int64
	path   string
	err    error
}

func (l located) Error() string {
	if l.path == "" {
		return l.err.Error()
	}
	return l.path + ": " + l.err.Error()
}

func (l located) Unwrap() error { return l.err }

// in names the file and the line of a located error.
func (l located) in(file string, data []byte) error {
	upTo := min(max(l.offset, 0), int64(len(data)))
	line := 1 + bytes.Count(data[:upTo], []byte("\n"))
	return errs.Invalidf("seccomp profile %s: line %d: %w", file, line, l)
}

// errorf is an error about the value.
func (n *node) errorf(format string, args ...any) error {
	return located{n.offset, n.path, fmt.Errorf(format, args...)}
}

// kindName is for errors.
func (n *node) kindName() string {
	switch n.kind {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 's':
		return "a string"
	case 'n':
		return "a number"
	case 'b':
		return "true or false"
	}
	return "null"
}

func (n *node) isString() (string, error) {
	if n.kind != 's' {
		return "", n.errorf("want a string, have %s", n.kindName())
	}
	return n.text, nil
}

// unsigned reads a number of at most the given bits.
func (n *node) unsigned(bits int) (uint64, error) {
	if n.kind != 'n' {
		return 0, n.errorf("want a number, have %s", n.kindName())
	}
	v, err := strconv.ParseUint(n.text, 10, bits)
	if err != nil {
		return 0, n.errorf("%s: want a whole number from 0 to %d", n.text, uint64(1)<<(bits-1)-1+uint64(1)<<(bits-1))
	}
	return v, nil
}

// each calls f for the items of an array; null is an empty one, as in Go's own JSON.
func (n *node) each(f func(*node) error) error {
	if n.kind == '0' {
		return nil
	}
	if n.kind != '[' {
		return n.errorf("want an array, have %s", n.kindName())
	}
	for i := range n.items {
		if err := f(&n.items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) strings() ([]string, error) {
	var list []string
	err := n.each(func(item *node) error {
		s, err := item.isString()
		list = append(list, s)
		return err
	})
	return list, err
}
