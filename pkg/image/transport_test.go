package image

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestParseLocation(t *testing.T) {
	here, err := filepath.Abs("x")
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]Location{
		"docker://quay.io/a/b:1":             {Transport: "docker", Ref: "quay.io/a/b:1"},
		"docker-archive:/f.tar":              {Transport: "docker-archive", Path: "/f.tar"},
		"docker-archive:/f.tar:a/b:1":        {Transport: "docker-archive", Path: "/f.tar", Ref: "a/b:1"},
		"docker-archive:x:@0":                {Transport: "docker-archive", Path: here, Ref: "@0"},
		"oci-archive:/f:1.0":                 {Transport: "oci-archive", Path: "/f", Ref: "1.0"},
		"oci:x":                              {Transport: "oci", Path: here},
		"oci:/d:tag":                         {Transport: "oci", Path: "/d", Ref: "tag"},
		"dir:/a:b":                           {Transport: "dir", Path: "/a:b"},
		"containers-storage:alpine:3":        {Transport: "containers-storage", Ref: "alpine:3"},
		"containers-storage:[overlay@/a+/b]": {},
		"containers-storage:[vfs@/a+/b]x:1":  {Transport: "containers-storage", Path: "vfs@/a+/b", Ref: "x:1"},
	} {
		got, ok, err := ParseLocation(value)
		if want.Transport == "" {
			if !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("%s: %v", value, err)
			}
			continue
		}
		if d := cmp.Diff(want, got); d != "" || !ok || err != nil {
			t.Errorf("%s: %v %v %s", value, ok, err, d)
		}
	}
	for _, name := range []string{"alpine", "alpine:3", "localhost:5000/a:b", "dir", "oci", "ocix:y"} {
		if _, ok, err := ParseLocation(name); ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	for _, bad := range []string{"dir:", "oci::x", "oci-archive:", "docker-archive:", "containers-storage:", "containers-storage:[x"} {
		if _, _, err := ParseLocation(bad); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, other := range []string{"docker-daemon:a:b", "ostree:x", "sif:x"} {
		if _, _, err := ParseLocation(other); !errors.Is(err, errs.ErrUnsupported) || errs.Hint(err) == "" {
			t.Errorf("%s: %v", other, err)
		}
	}
}

// FuzzParseLocation: what is taken is written as it was read, and reads the same again.
func FuzzParseLocation(f *testing.F) {
	for _, seed := range []string{"docker://a", "oci:/a:b", "dir:/x", "containers-storage:[a@/b]c", "docker-archive:/a:@1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		l, ok, err := ParseLocation(value)
		if !ok || err != nil || l.Transport == TransportRegistry || strings.ContainsRune(l.Path, ':') && l.Transport != TransportDir {
			return
		}
		again, ok, err := ParseLocation(l.String())
		if !ok || err != nil || again != l {
			t.Errorf("%q: %+v, then %+v, %v", value, l, again, err)
		}
	})
}
