package image

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

func TestSaveFlags(t *testing.T) {
	a := withImages(t)
	var got *image.SaveOptions
	save := func(args ...string) error {
		cmd := newSaveCommand(a, func(_ context.Context, _ *cli.App, o *image.SaveOptions) error { got = o; return nil })
		cmd.SetArgs(args)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		return cmd.ExecuteContext(context.Background())
	}
	for _, c := range []struct {
		args []string
		want image.SaveOptions
	}{
		{[]string{"a", "b"}, image.SaveOptions{Names: []string{"a", "b"}, Format: "docker-archive"}},
		{[]string{"-q", "-m", "-o", "f", "--format", "oci-archive", "--uncompressed", "a"}, image.SaveOptions{Names: []string{"a"}, Format: "oci-archive", Output: "f", Multi: true, Plain: true, Quiet: true}},
		{[]string{"-o", "d", "--format", "docker-dir", "--compress", "a"}, image.SaveOptions{Names: []string{"a"}, Format: "docker-dir", Output: "d", Compress: true}},
	} {
		if err := save(c.args...); err != nil {
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
		if err := save(bad...); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
