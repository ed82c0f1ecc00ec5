package record

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// all has a field of each kind that a Reader knows.
type all struct {
	Text   string
	Texts  []string
	Flag   bool
	Int    int
	Long   int64
	Short  uint16
	ID     uint32
	Huge   uint64
	Time   time.Time
	Raw    json.RawMessage
	Inner  *all
	Inners []all
}

func (a *all) read(r *Reader, key string) {
	switch key {
	case "Text":
		a.Text = r.Text()
	case "Texts":
		a.Texts = r.Texts()
	case "Flag":
		a.Flag = r.Flag()
	case "Int":
		a.Int = Number[int](r)
	case "Long":
		a.Long = Number[int64](r)
	case "Short":
		a.Short = Number[uint16](r)
	case "ID":
		a.ID = Number[uint32](r)
	case "Huge":
		a.Huge = Number[uint64](r)
	case "Time":
		a.Time = r.Time()
	case "Raw":
		a.Raw = r.Raw()
	case "Inner":
		if string(r.Raw()) == "null" {
			return
		}
		a.Inner = &all{}
	case "Inners":
		r.Array(func() {
			var inner all
			r.Object(func(key string) { inner.read(r, key) })
			a.Inners = append(a.Inners, inner)
		})
	}
}

func TestReader(t *testing.T) {
	for _, text := range []string{
		`{}`, ` { } `, `{"Text":"a","Texts":["b","\u00e9\n\ud83d\ude00",""],"Flag":true,"Int":-5}`,
		`{"Long":-9223372036854775808,"Short":65535,"ID":4294967295,"Huge":18446744073709551615}`,
		`{"Time":"2026-11-26T10:00:00.5+01:00","Raw":{"a":[1,2,{"b":null}]},"Int":0}`,
		`{"Inners":[{"Text":"x","Inners":[]},{"Int":1}],"other":[[],{},"\\",1.5e3,true,false,null]}`,
		`{"Text":null,"Texts":null,"Flag":null,"Int":null,"Time":null,"Inner":null}`,
		"{\"Text\":\"\xff\"}",
	} {
		var got, want all
		if err := Read([]byte(text), got.read); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(clean(want), clean(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{
		``, `null x`, `[]`, `{`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1 "b":2}`, `{a:1}`, `{"a":1}x`, `{"a":tru}`, `{"a":01}`, `{"a":"\x"}`, `{"a":"` + "\n" + `"}`,
		`{"Text":1}`, `{"Texts":"a"}`, `{"Texts":[1]}`, `{"Flag":1}`, `{"Int":"1"}`, `{"Int":1.5}`, `{"Int":01}`, `{"Int":-}`, `{"Short":65536}`, `{"ID":-1}`,
		`{"Huge":18446744073709551616}`, `{"Long":9223372036854775808}`, `{"Time":"yesterday"}`, `{"Inners":[{]}`, `{"Text":"a`,
		`{"a":` + strings.Repeat("[", 2*deepest) + strings.Repeat("]", 2*deepest) + `}`,
	} {
		var got all
		if err := Read([]byte(text), got.read); err == nil {
			t.Errorf("%.40s: no error", text)
		}
	}
}

// clean makes of empty lists and of raw values what the two write in different ways one thing.
func clean(a all) all {
	if len(a.Texts) == 0 {
		a.Texts = nil
	}
	if len(a.Inners) == 0 {
		a.Inners = nil
	}
	for i := range a.Inners {
		a.Inners[i] = clean(a.Inners[i])
	}
	return a
}

// FuzzReader: what a Reader takes encoding/json takes, too, and makes the same of it.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		`{"Text":"a","Texts":["b"],"Flag":true,"Int":-5,"Huge":18446744073709551615}`, `{"Inners":[{"Short":1}],"Time":"2026-11-26T10:00:00Z"}`, `{"x":[1,{"y":null}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got, want all
		if Read([]byte(text), got.read) != nil {
			return
		}
		var keys map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &keys); err != nil {
			t.Fatalf("%q: encoding/json says %v", text, err)
		}
		known := map[string]bool{}
		for field := range reflect.TypeFor[all]().Fields() {
			known[field.Name] = true
		}
		for key := range keys {
			if !known[key] || key == "Inner" || key == "Inners" || key == "Raw" {
				return // encoding/json takes keys in any case, and sees the last of several
			}
		}
		if strings.Count(text, ":") != len(keys)+strings.Count(string(keys["Time"]), ":")+strings.Count(string(keys["Text"]), ":")+strings.Count(string(keys["Texts"]), ":") {
			return // a key is there twice
		}
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%q: encoding/json says %v", text, err)
		}
		if diff := cmp.Diff(clean(want), clean(got)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	})
}
