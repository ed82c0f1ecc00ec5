package wire

import (
	"encoding/binary"
	"errors"
)

// ErrShort is data that ends too early: it never happens but by a bug, or between builds whose
// fields differ.
var ErrShort = errors.New("message is too short")

// Coder reads or writes values in one order. The zero value writes.
type Coder struct {
	data    []byte
	reading bool
	err     error
}

// NewWriter appends to data, which may be nil.
func NewWriter(data []byte) *Coder { return &Coder{data: data} }

// NewReader reads what a writer wrote.
func NewReader(data []byte) *Coder { return &Coder{data: data, reading: true} }

// Bytes is what was written, or what is left to read.
func (c *Coder) Bytes() []byte { return c.data }

// Err is ErrShort if something could not be read; it is zero then.
func (c *Coder) Err() error { return c.err }

// More tells whether to code the fields from here to the end, which older builds do not have:
// who reads does so only where something is left.
func (c *Coder) More() bool { return !c.reading || len(c.data) > 0 }

// Number codes any integer in eight bytes.
func Number[T ~int | ~int32 | ~int64 | ~uint | ~uint8 | ~uint32 | ~uint64](c *Coder, v *T) {
	if !c.reading {
		c.data = binary.LittleEndian.AppendUint64(c.data, uint64(*v))
		return
	}
	if len(c.data) < 8 {
		c.fail()
		return
	}
	*v = T(binary.LittleEndian.Uint64(c.data))
	c.data = c.data[8:]
}

// Flag codes a bool.
func (c *Coder) Flag(v *bool) {
	n := 0
	if *v {
		n = 1
	}
	Number(c, &n)
	*v = n != 0
}

// Text codes a string.
func (c *Coder) Text(v *string) {
	n := len(*v)
	Number(c, &n)
	if !c.reading {
		c.data = append(c.data, *v...)
		return
	}
	if n < 0 || n > len(c.data) {
		c.fail()
		return
	}
	*v = string(c.data[:n])
	c.data = c.data[n:]
}

// Block codes a slice of bytes, which afterwards refers to the data that is read; an empty
// one is nil.
func (c *Coder) Block(v *[]byte) {
	n := len(*v)
	Number(c, &n)
	if !c.reading {
		c.data = append(c.data, *v...)
		return
	}
	if n < 0 || n > len(c.data) {
		c.fail()
		return
	}
	*v = nil
	if n > 0 {
		*v = c.data[:n:n]
	}
	c.data = c.data[n:]
}

// List codes a slice element by element; an empty one is nil afterwards.
func List[T any](c *Coder, v *[]T, each func(*Coder, *T)) {
	n := len(*v)
	Number(c, &n)
	if c.reading {
		if n < 0 || n > len(c.data) {
			c.fail()
			return
		}
		*v = nil
		if n > 0 {
			*v = make([]T, n)
		}
	}
	for i := range *v {
		each(c, &(*v)[i])
	}
}

func (c *Coder) fail() {
	c.err = ErrShort
	c.data = nil
}
