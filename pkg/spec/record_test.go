package spec

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// TestRecords fills every field, so that one which is forgotten in JSON shows.
func TestRecords(t *testing.T) {
	for _, v := range []interface{ JSON() []byte }{&State{}, &Exit{}} {
		for _, filled := range []bool{false, true} {
			value := reflect.ValueOf(v).Elem()
			for i := range value.NumField() {
				if filled {
					fillField(value.Field(i), i+1)
				}
			}
			want, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if got := v.JSON(); string(got) != string(want) {
				t.Errorf("%s\nencoding/json has\n%s", got, want)
			}
		}
	}
}

func fillField(f reflect.Value, n int) {
	switch {
	case f.Type() == reflect.TypeFor[time.Time]():
		f.Set(reflect.ValueOf(time.Unix(int64(n), 7)))
	case f.Kind() == reflect.String:
		f.SetString("text")
	case f.Kind() == reflect.Bool:
		f.SetBool(true)
	case f.CanInt():
		f.SetInt(int64(n))
	default:
		f.SetUint(uint64(n))
	}
}
