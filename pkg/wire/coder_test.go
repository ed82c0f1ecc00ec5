package wire

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type sample struct {
	Small  uint8
	Number int
	On     bool
	Name   string
	Raw    []byte
	Words  []string
	None   []int
}

func (s *sample) fields(c *Coder) {
	Number(c, &s.Small)
	Number(c, &s.Number)
	c.Flag(&s.On)
	c.Text(&s.Name)
	c.Block(&s.Raw)
	List(c, &s.Words, (*Coder).Text)
	List(c, &s.None, Number[int])
}

func TestRoundTrip(t *testing.T) {
	for _, in := range []sample{
		{},
		{Small: 255, Number: -1, On: true, Name: "ä\x00", Raw: []byte{0, 1}, Words: []string{"", "x"}},
	} {
		w := NewWriter(nil)
		in.fields(w)
		var out sample
		r := NewReader(w.Bytes())
		out.fields(r)
		if diff := cmp.Diff(in, out); diff != "" || r.Err() != nil || len(r.Bytes()) != 0 {
			t.Errorf("%v, %d bytes left: %s", r.Err(), len(r.Bytes()), diff)
		}
		for i := range w.Bytes() {
			r := NewReader(w.Bytes()[:i])
			if out.fields(r); !errors.Is(r.Err(), ErrShort) {
				t.Fatalf("cut off after %d bytes: %v", i, r.Err())
			}
		}
	}
}

func FuzzReader(f *testing.F) {
	w := NewWriter(nil)
	(&sample{Name: "x", Words: []string{"y"}}).fields(w)
	f.Add(w.Bytes())
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 127})
	f.Fuzz(func(_ *testing.T, data []byte) {
		var s sample
		s.fields(NewReader(data))
	})
}
