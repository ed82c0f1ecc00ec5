package record

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type sample struct {
	Text  string `json:"text,omitempty"`
	Zero  int64  `json:"zero"`
	N     int64  `json:"n,omitempty"`
	Flag  bool   `json:"flag,omitempty"`
	Time  time.Time
	Inner map[string]string
}

func (s *sample) write() []byte {
	var o, inner Object
	o.TextIfAny("text", s.Text)
	o.Number("zero", s.Zero, true)
	o.Number("n", s.N, false)
	o.Flag("flag", s.Flag)
	o.Time("Time", s.Time)
	for k, v := range s.Inner {
		inner.Text(k, v)
	}
	o.Object("Inner", &inner)
	return o.JSON()
}

func TestObject(t *testing.T) {
	for _, in := range []sample{
		{Inner: map[string]string{}},
		{Text: "a\"\\\x00\x1f\x7fé\n\u2028<&>", N: -5, Flag: true, Time: time.Unix(1, 5).UTC(), Inner: map[string]string{"k\"": ""}},
	} {
		var out sample
		if err := json.Unmarshal(in.write(), &out); err != nil {
			t.Fatalf("%s: %v", in.write(), err)
		}
		if diff := cmp.Diff(in, out); diff != "" {
			t.Error(diff)
		}
	}
	var empty Object
	if got := string(empty.JSON()); got != "{}" {
		t.Error(got)
	}
}

func FuzzText(f *testing.F) {
	f.Add("x")
	f.Fuzz(func(t *testing.T, text string) {
		want, err := json.Marshal(text)
		if err != nil {
			t.Skip(err)
		}
		var a, b string
		if err := json.Unmarshal(appendText(nil, text), &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(want, &b); err != nil || a != b {
			t.Errorf("%q, encoding/json has %q", a, b)
		}
	})
}
