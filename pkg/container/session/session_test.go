package session

import "testing"

func TestKeyMatcher(t *testing.T) {
	keys := []byte{16, 17}
	for _, test := range []struct {
		typed []string
		want  string
		found bool
	}{
		{[]string{"abc"}, "abc", false},
		{[]string{"ab\x10\x11cd"}, "ab", true},
		{[]string{"ab\x10", "\x11"}, "ab", true},
		{[]string{"\x10", "x"}, "\x10x", false},
		{[]string{"\x10\x10\x11"}, "\x10", true},
		{[]string{"\x10"}, "", false}, // it waits for the next key
	} {
		m := keyMatcher{keys: keys}
		got, found := "", false
		for _, piece := range test.typed {
			var out []byte
			out, found = m.next([]byte(piece))
			got += string(out)
		}
		if got != test.want || found != test.found {
			t.Errorf("%q: %q, %v", test.typed, got, found)
		}
	}
	none := keyMatcher{}
	if out, found := none.next([]byte("\x10\x11")); string(out) != "\x10\x11" || found {
		t.Errorf("without keys: %q, %v", out, found)
	}
}
