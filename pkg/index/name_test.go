package index

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.podman.io/image/v5/docker/reference"

	"github.com/rc-containers/rc/pkg/errs"
)

const sum = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParseName(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Name
		full string
	}{
		{"alpine", Name{Domain: "docker.io", Path: "library/alpine", Short: true, Given: "alpine"}, "docker.io/library/alpine:latest"},
		{"a/b:c", Name{Domain: "docker.io", Path: "a/b", Tag: "c", Short: true, Given: "a/b"}, "docker.io/a/b:c"},
		{"docker.io/alpine", Name{Domain: "docker.io", Path: "library/alpine", Given: "docker.io/alpine"}, "docker.io/library/alpine:latest"},
		{"index.docker.io/x/y", Name{Domain: "docker.io", Path: "x/y", Given: "index.docker.io/x/y"}, "docker.io/x/y:latest"},
		{"localhost/x", Name{Domain: "localhost", Path: "x", Given: "localhost/x"}, "localhost/x:latest"},
		{"localhost:5000/x@" + sum, Name{Domain: "localhost:5000", Path: "x", Digest: sum, Given: "localhost:5000/x"}, "localhost:5000/x@" + sum},
		{"docker://127.0.0.1:5000/x__y:T", Name{Domain: "127.0.0.1:5000", Path: "x__y", Tag: "T", Given: "127.0.0.1:5000/x__y"}, "127.0.0.1:5000/x__y:T"},
		{"x:1@" + sum, Name{Domain: "docker.io", Path: "library/x", Tag: "1", Digest: sum, Short: true, Given: "x"}, "docker.io/library/x:1@" + sum},
	} {
		got, err := ParseName(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q: %s", c.in, d)
		}
		if full := got.Tagged().String(); full != c.full {
			t.Errorf("%q: %s, want %s", c.in, full, c.full)
		}
	}
	for _, bad := range []string{"", ":", "Alpine", "a//b", "/a", "a/", "a:", "a:.x", "a@sha256:12", "a@", "a b", "-a", "a..b", "a___b", "x.y:port/z", "-x.y/z", sum[7:], "a:b:c", "a\x00"} {
		if n, err := ParseName(bad); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q is %+v, %v", bad, n, err)
		}
	}
}

// FuzzParseName compares with the library that registries use: what either takes, both
// understand alike.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{"alpine", "a/b:c", "localhost:5000/x_y@" + sum, "quay.io/a-b/c.d:e", "[::1]:5/x", "A/b", "a.b:c/d", "a@sha512:00", "_", "x--y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		ref, refErr := reference.ParseNormalizedNamed(s)
		if err != nil {
			return // we are stricter about digests, host names and docker:// only; see below
		}
		if len(s) > 9 && s[:9] == "docker://" {
			return
		}
		if refErr != nil {
			t.Fatalf("%q: we take it as %+v, the library says %v", s, n, refErr)
		}
		if got, want := n.String(), ref.String(); got != want {
			t.Fatalf("%q: %s, the library says %s", s, got, want)
		}
	})
}
