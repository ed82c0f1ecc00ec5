package image

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

func TestSaveFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		want image.SaveOptions
	}{
		{[]string{"a", "b"}, image.SaveOptions{Names: []string{"a", "b"}, Format: "docker-archive"}},
		{[]string{"-q", "-m", "-o", "f", "--format", "oci-archive", "--uncompressed", "a"}, image.SaveOptions{Names: []string{"a"}, Format: "oci-archive", Output: "f", Multi: true, Plain: true, Quiet: true}},
		{[]string{"-o", "d", "--format", "docker-dir", "--compress", "a"}, image.SaveOptions{Names: []string{"a"}, Format: "docker-dir", Output: "d", Compress: true}},
	} {
		if got, err := clitest.Options(t, newSaveCommand, c.args...); err != nil {
			t.Errorf("%q: %v", c.args, err)
		} else if d := cmp.Diff(&c.want, got); d != "" {
			t.Errorf("%q: %s", c.args, d)
		}
	}
	for _, bad := range [][]string{
		{},
		{"--format", "zip", "a"},
		{"--format", "oci-dir", "a"},
		{"--compress", "a"},
		{"--uncompressed", "a"},
		{"--uncompressed", "--compress", "--format", "oci-dir", "-o", "d", "a"},
	} {
		if _, err := clitest.Options(t, newSaveCommand, bad...); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
