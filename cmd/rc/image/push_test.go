package image

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

func TestPushFlags(t *testing.T) {
	level, no := 7, false
	for _, c := range []struct {
		args []string
		want pushOptions
	}{
		{[]string{"app:1"}, pushOptions{PushOptions: image.PushOptions{Image: "app:1", Registry: image.Registry{Retry: 3}}}},
		{
			[]string{"-q", "-f", "oci", "--compression-format", "zstd", "--compression-level", "7", "--force-compression", "--digestfile", "d", "--tls-verify=false", "--remove-signatures", "a", "dir:b"},
			pushOptions{DigestFile: "d", PushOptions: image.PushOptions{
				Image: "a", Destination: "dir:b", Quiet: true, Type: "oci", Pack: "zstd", Level: &level,
				Registry: image.Registry{Retry: 3, TLSVerify: &no},
			}},
		},
		{[]string{"-a", "--compress", "a"}, pushOptions{PushOptions: image.PushOptions{Image: "a", AllTags: true, Compress: true, Registry: image.Registry{Retry: 3}}}},
	} {
		if got, err := clitest.Options(t, newPushCommand, c.args...); err != nil {
			t.Errorf("%q: %v", c.args, err)
		} else if d := cmp.Diff(&c.want, got); d != "" {
			t.Errorf("%q: %s", c.args, d)
		}
	}
	for _, bad := range [][]string{
		{},
		{"a", "b", "c"},
		{"-f", "v3", "a"},
		{"--compression-format", "lz4", "a"},
		{"--compression-level", "0", "a"},
		{"--compression-level", "10", "a"},
		{"--compression-format", "zstd", "--compression-level", "21", "a"},
		{"--force-compression", "a"},
		{"-f", "v2s2", "--compression-format", "zstd", "a"},
	} {
		if _, err := clitest.Options(t, newPushCommand, bad...); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, refused := range [][]string{
		{"-f", "v2s1", "a"},
		{"--compression-format", "zstd:chunked", "a"},
		{"--sign-by", "me", "a"},
		{"--sign-by-sigstore-private-key", "f", "a"},
		{"--encryption-key", "k", "a"},
	} {
		if _, err := clitest.Options(t, newPushCommand, refused...); !errors.Is(err, errs.ErrUnsupported) || errs.Hint(err) == "" {
			t.Errorf("%q: %v", refused, err)
		}
	}
}
