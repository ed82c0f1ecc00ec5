package stack

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestPackLayers(t *testing.T) {
	for name, test := range map[string]struct {
		upper, lower []string // topmost first
		want         string
	}{
		"nothing":              {[]string{"", ""}, []string{"a="}, ""},
		"added":                {[]string{"b= d/y=", "a= d/x="}, []string{"c="}, "a b d/ d/x d/y"},
		"added and deleted":    {[]string{"!a", "a= b="}, []string{"c="}, "b"},
		"deleted":              {[]string{"", "!a d/ !d/b"}, []string{"a= d/b= d/c="}, ".wh.a d/ d/.wh.b"},
		"deleted and made":     {[]string{"a=", "!a"}, []string{"a="}, "a"},
		"directory made anew":  {[]string{"d/new=", "!d"}, []string{"d/old="}, "d/ d/.wh..wh..opq d/new"},
		"opaque above":         {[]string{"d% d/new=", "d/old="}, []string{"d/older="}, "d/ d/.wh..wh..opq d/new"},
		"opaque in the middle": {[]string{"d/new=", "d% d/mid="}, []string{"d/old="}, "d/ d/.wh..wh..opq d/mid d/new"},
		"opaque of its own":    {[]string{"d% d/new=", "d/old="}, []string{"x="}, "d/ d/new"},
		"file over directory":  {[]string{"d=", "d/x="}, []string{"d/y="}, "d"},
		"directory over file":  {[]string{"d/x=", "d="}, []string{"d="}, "d/ d/x"},
		"scratch":              {[]string{"!a b=", "a= c="}, nil, "b c"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := PackLayers(context.Background(), &out, layers(t, test.upper), layers(t, test.lower), Options{}); err != nil {
				t.Fatal(err)
			}
			got := strings.TrimSpace(strings.ReplaceAll(" "+names(t, out.Bytes())+" ", " ./ ", " "))
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
