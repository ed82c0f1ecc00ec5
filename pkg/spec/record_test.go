package spec

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/record"
)

// TestRecords fills every field, so that one which is forgotten in JSON or in Read shows.
func TestRecords(t *testing.T) {
	for _, v := range []interface {
		JSON() []byte
		reader
	}{&State{}, &Exit{}} {
		for _, filled := range []bool{false, true} {
			if filled {
				fill(reflect.ValueOf(v).Elem(), 0)
			}
			want, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if got := v.JSON(); string(got) != string(want) {
				t.Errorf("%s\nencoding/json has\n%s", got, want)
			}
			checkRead(t, v)
		}
	}
	for _, s := range []Summary{{}, {Command: []string{"a"}, Labels: map[string]string{"": ""}, Ports: []Port{{}}}} {
		checkRead(t, &s)
		fill(reflect.ValueOf(&s).Elem(), 0)
		checkRead(t, &s)
	}
}

type reader interface {
	Read(r *record.Reader, key string)
}

// checkRead compares what Read makes of v's JSON with v.
func checkRead(t *testing.T, v reader) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := reflect.TypeAssert[reader](reflect.New(reflect.TypeOf(v).Elem()))
	if err := record.Read(text, got.Read); err != nil {
		t.Errorf("%s: %v", text, err)
	}
	if diff := cmp.Diff(v, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", text, diff)
	}
}

// TestInside reads a container's record, in which every field has something.
func TestInside(t *testing.T) {
	for _, filled := range []bool{false, true} {
		var c Container
		if filled {
			fill(reflect.ValueOf(&c).Elem(), 0)
		} else if err := json.Unmarshal([]byte(`{"oci":{"process":{},"linux":{}}}`), &c); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(&c)
		if err != nil {
			t.Fatal(err)
		}
		got := &Inside{}
		if err := record.Read(text, got.Read); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.Inside(), got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// fill puts something into every field. What is deep is of no interest to anybody here, and may be endless.
func fill(v reflect.Value, depth int) {
	if depth > 10 {
		return
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(int64(depth)+5, 7).UTC()))
	case v.Kind() == reflect.String:
		v.SetString("te\"xt")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(int64(depth) + 1)
	case v.CanUint():
		v.SetUint(uint64(depth) + 2)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, depth+1)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), depth+1)
		fill(v.Index(1), depth+1)
	case v.Type() == reflect.TypeFor[map[string]string]():
		v.Set(reflect.ValueOf(map[string]string{"key": "value", "": "x"}))
	}
}
