package parse

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestParseUserns(t *testing.T) {
	for value, want := range map[string]spec.Userns{
		"":                        {},
		"host":                    {Mode: spec.UsernsHost},
		"nomap":                   {Mode: spec.UsernsNoMap},
		"private":                 {Mode: spec.UsernsPrivate},
		"keep-id":                 {Mode: spec.UsernsKeepID},
		"keep-id:uid=5,gid=6":     {Mode: spec.UsernsKeepID, UID: new(uint32(5)), GID: new(uint32(6))},
		"keep-id:size=3":          {Mode: spec.UsernsKeepID, Size: 3},
		"auto":                    {Mode: spec.UsernsAuto},
		"auto:gidmapping=1:2:3":   {Mode: spec.UsernsAuto, GIDMaps: []spec.IDMapping{{Container: 1, From: 2, Size: 3}}},
		"container:0123456789abc": {Mode: spec.UsernsContainer, Container: "0123456789abc"},
	} {
		got, err := Userns(value)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", value, err, diff)
		}
	}
	for value, want := range map[string]string{
		"keepid":                      "want host, keep-id, nomap, auto, private or container:NAME",
		"host:1":                      "host takes no options",
		"keep-id:":                    "keep-id takes uid=, gid= and size=",
		"keep-id:uid=-1":              "want uid=N",
		"keep-id:uid=4294967295":      "want uid=N",
		"keep-id:uidmapping=1:2:3":    "keep-id takes",
		"auto:uid=1":                  "auto takes size=, uidmapping= and gidmapping=",
		"auto:size=":                  "want size=N",
		"auto:uidmapping=+1:2:3":      "without flags",
		"container:":                  "want container:NAME",
		"ns:/proc/self/ns/user":       "made elsewhere",
		"container:a\x00b":            "NUL",
		"auto:size=99999999999999999": "want size=N",
	} {
		if _, err := Userns(value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", value, err, want)
		}
	}
}

func TestParseIDMapping(t *testing.T) {
	for value, want := range map[string]spec.IDMapping{
		"0:1:1000":           {From: 1, Size: 1000},
		"7:20":               {Container: 7, From: 20, Size: 1},
		"+7:20:2":            {Container: 7, From: 20, Size: 2, Extend: true},
		"+g100000:@2000":     {Container: 100000, From: 2000, Host: true, Size: 1, Extend: true, GIDs: true},
		"ug5:6":              {Container: 5, From: 6, Size: 1, UIDs: true, GIDs: true},
		"0:0:4294967295":     {Size: 1<<32 - 1},
		"4294967294:0:1":     {Container: 1<<32 - 2, Size: 1},
		"u4294967293:1:2":    {Container: 1<<32 - 3, From: 1, Size: 2, UIDs: true},
		"+u0:@100000:65536":  {From: 100000, Host: true, Size: 65536, Extend: true, UIDs: true},
		"+ug1000:@1000:0001": {Container: 1000, From: 1000, Host: true, Size: 1, Extend: true, UIDs: true, GIDs: true},
	} {
		got, err := IDMapping(value)
		if value == "0:0:4294967295" { // -1 is no size that a number of ids can have
			if err == nil {
				t.Errorf("%q: no error", value)
			}
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", value, err, diff)
		}
	}
	for _, value := range []string{"", "5", "1:2:0", "1:2:3:4", "a:b:c", "-1:0:1", "1:@:1", "@1:2:3", "0:4294967294:2", "x1:2", "1: 2:3"} {
		if got, err := IDMapping(value); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %+v, %v", value, got, err)
		}
	}
}

func FuzzParseIDMapping(f *testing.F) {
	for _, seed := range []string{"0:1:1000", "+g100000:@2000", "auto:size=5,uidmapping=1:2:3", "keep-id:uid=5", "0:4294967294:2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if m, err := IDMapping(value); err == nil {
			if m.Size == 0 || uint64(m.Container)+uint64(m.Size) > 1<<32-1 || uint64(m.From)+uint64(m.Size) > 1<<32-1 {
				t.Errorf("%q: %+v", value, m)
			}
		}
		if u, err := Userns(value); err == nil && u.Mode == "" && value != "" {
			t.Errorf("%q: no mode", value)
		}
	})
}
