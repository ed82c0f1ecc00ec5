package image

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

func execute(cmd *cobra.Command, args ...string) error {
	cmd.SetArgs(args)
	cmd.SetOut(io.Discard)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	return cmd.ExecuteContext(context.Background())
}

func TestLoginFlags(t *testing.T) {
	a := withImages(t)
	no := false
	var in *loginOptions
	login := func(args ...string) error {
		return execute(newLoginCommand(a, func(_ context.Context, _ *cli.App, o *loginOptions) error { in = o; return nil }), args...)
	}
	if err := login("-u", "ann", "--password-stdin", "-v", "--tls-verify=false", "--cert-dir", "c", "--authfile", "f", "host:5000/team"); err != nil {
		t.Fatal(err)
	}
	want := &loginOptions{PasswordStdin: true, Verbose: true, LoginOptions: image.LoginOptions{
		Server: "host:5000/team", User: "ann", Registry: image.Registry{AuthFile: "f", CertDir: "c", TLSVerify: &no},
	}}
	if d := cmp.Diff(want, in); d != "" {
		t.Error(d)
	}
	for _, bad := range [][]string{{"a", "b"}, {"--password-stdin", "a"}, {"-u", "x", "-p", "y", "--password-stdin", "a"}, {"--authfile", "x", "--compat-auth-file", "y", "a"}, {"--secret", "s", "-p", "x", "a"}, {"--secret", "s", "-u", "x", "--password-stdin", "a"}} {
		if err := login(bad...); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("login %q: %v", bad, err)
		}
	}
	var out *image.LoginOptions
	logout := func(args ...string) error {
		return execute(newLogoutCommand(a, func(_ context.Context, _ *cli.App, o *image.LoginOptions) error { out = o; return nil }), args...)
	}
	if err := logout("-a", "--compat-auth-file", "c"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(&image.LoginOptions{All: true, CompatAuthFile: "c"}, out); d != "" {
		t.Error(d)
	}
	if err := logout("-a", "host"); !errors.Is(err, errs.ErrInvalid) {
		t.Error(err)
	}
}

func TestReadPassword(t *testing.T) {
	for in, want := range map[string]string{"a b\n": "a b", "x\r\n": "x", "no end": "no end", "two\nlines\n": "two\nlines"} {
		if got, err := readPassword(strings.NewReader(in)); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", "\n", strings.Repeat("x", maxPassword+1)} {
		if _, err := readPassword(strings.NewReader(bad)); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%.5q: %v", bad, err)
		}
	}
}

func TestSearchFilter(t *testing.T) {
	results := []image.Found{{Name: "a", Stars: 10, Official: true}, {Name: "b", Stars: 5, Automated: true}, {Name: "c"}}
	for _, c := range []struct {
		filters []string
		want    string
	}{
		{nil, "abc"},
		{[]string{"stars=5"}, "ab"},
		{[]string{"is-official"}, "a"},
		{[]string{"is-official=false"}, "bc"},
		{[]string{"is-automated=true", "stars=6"}, ""},
	} {
		f, err := parseSearchFilter(c.filters)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, r := range results {
			if f.match(r) {
				got += r.Name
			}
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.filters, got, c.want)
		}
	}
}
