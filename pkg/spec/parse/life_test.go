package parse

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestDetachKeys(t *testing.T) {
	for value, want := range map[string]string{
		"": "", DefaultDetachKeys: "\x10\x11", "a": "a", "a,B,~": "aB~", "ctrl-a,CTRL-Z": "\x01\x1a", `ctrl-@,ctrl-[,ctrl-\,ctrl-],ctrl-^,ctrl-_`: "\x00\x1b\x1c\x1d\x1e\x1f",
	} {
		if got, err := DetachKeys(value); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", value, got, err)
		}
	}
	for _, bad := range []string{",", "ctrl-", "ctrl-p,", "ctrl-1", "ctrl-pq", "ab", "ctrl- ", " ", "é", "ctrl-`", "shift-a"} {
		if got, err := DetachKeys(bad); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

func TestRestart(t *testing.T) {
	for value, want := range map[string]spec.Restart{
		"no": {Policy: "no"}, "never": {Policy: "no"}, "always": {Policy: "always"}, "unless-stopped": {Policy: "unless-stopped"},
		"on-failure": {Policy: "on-failure"}, "on-failure:0": {Policy: "on-failure"}, "on-failure:7": {Policy: "on-failure", Retries: 7},
	} {
		if got, err := Restart(value); err != nil || got != want {
			t.Errorf("%q: %+v, %v", value, got, err)
		}
	}
	for _, bad := range []string{"", "Always", "always:3", "no:1", "on-failure:", "on-failure:-1", "on-failure:x", "on-failure:99999999999", "on-failure:1:2"} {
		if got, err := Restart(bad); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %+v, %v", bad, got, err)
		}
	}
}

func TestHealthCommand(t *testing.T) {
	for value, want := range map[string]string{
		"none": "NONE", "None": "NONE", `["NONE"]`: "NONE", "true": "CMD-SHELL|true", " a | b ": "CMD-SHELL| a | b ",
		`["a", "b c"]`: "CMD|a|b c", `["CMD", "a"]`: "CMD|a", `["CMD-SHELL", "a b"]`: "CMD-SHELL|a b",
		"[ -f /ready ]": "CMD-SHELL|[ -f /ready ]", "[[ a ]]": "CMD-SHELL|[[ a ]]", `[ "a" ]`: "CMD|a",
	} {
		if got, err := HealthCommand(value); err != nil || strings.Join(got, "|") != want {
			t.Errorf("%q: %q, %v", value, got, err)
		}
	}
	for _, bad := range []string{"", " ", "[]", `[""]`, `["CMD"]`, `["CMD-SHELL", "a", "b"]`, `["NONE", "a"]`, `["a"`, `["a", 5]`, "a\x00b", `["a\u0000"]`} {
		if got, err := HealthCommand(bad); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

func TestHealthTimes(t *testing.T) {
	for _, test := range []struct {
		name  string
		parse func(string) (time.Duration, error)
		good  map[string]time.Duration
		bad   []string
	}{
		{"interval", HealthInterval, map[string]time.Duration{"disable": 0, "1ms": 1e6, "1m30s": 90e9}, []string{"", "0s", "5", "-1s", "1us"}},
		{"start interval", HealthStartInterval, map[string]time.Duration{"1ms": 1e6}, []string{"", "disable", "0", "5"}},
		{"timeout", HealthTimeout, map[string]time.Duration{"1s": 1e9}, []string{"", "999ms", "disable", "-5s"}},
		{"period", HealthPeriod, map[string]time.Duration{"0s": 0, "0": 0, "2h": 7200e9}, []string{"", "-1s", "1"}},
	} {
		got := map[string]time.Duration{}
		for value := range test.good {
			d, err := test.parse(value)
			if err != nil {
				t.Errorf("%s %q: %v", test.name, value, err)
			}
			got[value] = d
		}
		if diff := cmp.Diff(test.good, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		for _, bad := range test.bad {
			if d, err := test.parse(bad); !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("%s %q: %v, %v", test.name, bad, d, err)
			}
		}
	}
}

func FuzzHealthCommand(f *testing.F) {
	for _, seed := range []string{"true", "none", `["CMD", "a"]`, "[ -f x ]", `["a`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		test, err := HealthCommand(value)
		if err == nil && CheckHealthTest(test) != nil {
			t.Errorf("%q gives %q, which cannot be run", value, test)
		}
	})
}

func FuzzDetachKeys(f *testing.F) {
	f.Add(DefaultDetachKeys)
	f.Fuzz(func(t *testing.T, value string) {
		if keys, err := DetachKeys(value); err == nil && len(keys) > len(value) {
			t.Errorf("%q gives %q", value, keys)
		}
	})
}
