package build

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
)

// parseArgs gives what a command line asks for.
func parseArgs(t *testing.T, args ...string) (*buildOptions, error) {
	t.Helper()
	t.Setenv("SOURCE_DATE_EPOCH", "")
	var got *buildOptions
	a := &cli.App{Config: &config.Config{}, Stdout: os.Stdout, Stderr: os.Stderr}
	cmd := newBuildCommand(a, func(_ context.Context, _ *cli.App, o *buildOptions) error {
		got = o
		return nil
	})
	cmd.SetArgs(args)
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	return got, cmd.ExecuteContext(t.Context())
}

func TestFlags(t *testing.T) {
	t.Setenv("FROM_HOST", "host")
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args string
		want any
		got  func(*buildOptions) any
	}{
		{"", ".", func(o *buildOptions) any { return o.Context }},
		{"-t app -t registry.example.com/team/app:1 dir", []string{"localhost/app:latest", "registry.example.com/team/app:1"}, func(o *buildOptions) any { return o.Tags }},
		{"--build-arg A=1 --build-arg FROM_HOST --build-arg RC_UNSET .", map[string]string{"A": "1", "FROM_HOST": "host"}, func(o *buildOptions) any { return o.Args }},
		{"--pull .", "always", func(o *buildOptions) any { return o.PullPolicy }},
		{"--pull=true .", "always", func(o *buildOptions) any { return o.PullPolicy }},
		{"--pull=newer .", "newer", func(o *buildOptions) any { return o.PullPolicy }},
		{"--pull-never .", "never", func(o *buildOptions) any { return o.PullPolicy }},
		{".", "missing", func(o *buildOptions) any { return o.PullPolicy }},
		{"--layers=false .", true, func(o *buildOptions) any { return o.Squash }},
		{"--platform linux/amd64,linux/aarch64 .", []string{"linux/amd64", "linux/arm64"}, func(o *buildOptions) any { return o.Platform }},
		{"--arch arm64 .", []string{"linux/arm64"}, func(o *buildOptions) any { return o.Platform }},
		{"--timestamp 0 .", int64(0), func(o *buildOptions) any { return *o.CreatedAfter }},
		{"--source-date-epoch 7 .", "7", func(o *buildOptions) any { return o.Args["SOURCE_DATE_EPOCH"] }},
		{"-o out .", []output{{kind: "local", dest: filepath.Join(dir, "out")}}, func(o *buildOptions) any { return o.Outputs }},
		{"-o - .", []output{{kind: "tar", dest: "-"}}, func(o *buildOptions) any { return o.Outputs }},
		{"-o type=oci,dest=/x.tar --load .", []output{{kind: "oci", dest: "/x.tar"}, {kind: "image"}}, func(o *buildOptions) any { return o.Outputs }},
		{"-o type=image,name=app,push=true .", true, func(o *buildOptions) any { return o.Push && o.Tags[0] == "localhost/app:latest" }},
		{"--cache-from example.com/cache .", []build.Cache{{Type: "registry", Ref: "example.com/cache"}}, func(o *buildOptions) any { return o.CacheFrom }},
		{"--cache-to type=local,dest=/c,mode=max .", []build.Cache{{Type: "local", Ref: "/c", Attrs: map[string]string{"mode": "max"}}}, func(o *buildOptions) any { return o.CacheTo }},
		{"--build-context Lib=../lib .", []pair{{"lib", "../lib"}}, func(o *buildOptions) any { return o.Named }},
		{"--secret id=token,src=token .", []string{"token"}, func(o *buildOptions) any { return o.Secrets }},
		{"--cap-add NET_ADMIN --memory 1g .", true, func(o *buildOptions) any {
			return strings.Contains(o.RunSalt, "NET_ADMIN") && !strings.Contains(o.RunSalt, "1g") && o.Run.Container.Resources.Memory == 1<<30
		}},
		{"--provenance=false --sbom=false --isolation default --rm --force-rm --compress .", ".", func(o *buildOptions) any { return o.Context }},
	} {
		t.Run(test.args, func(t *testing.T) {
			t.Chdir(dir)
			o, err := parseArgs(t, strings.Fields(test.args)...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, test.got(o), cmp.AllowUnexported(output{}, pair{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRefused: what cannot be done is refused before anything is.
func TestRefused(t *testing.T) {
	for _, args := range []string{
		"a b", "--build-arg =x .", "--build-context x .", "--pull=sometimes .", "--cache-from type=gha .", "--cache-to type=local .",
		"--cache-to type=inline .", "--format v2 .", "--timestamp x .", "--timestamp -1 .", "--secret src=x .", "--secret id=x,src=/none/there .",
		"--platform x/y/z/a .", "--platform linux/amd64 --arch arm64 .", "-t a --platform linux/amd64,linux/arm64 .", "--jobs -1 .",
		"-o type=zip,dest=x .", "-o type=local .", "-o type=image,dest=x .", "-o type=tar,dest=x,foo=1 .", "--squash --squash-all .", "--push .",
		"--provenance=true .", "--sbom .", "--isolation chroot .", "--runtime crun .", "--userns keep-id .", "-t UPPER .", "-f a -f b .", "-f - -",
		"-f Containerfile.in .", "--ignorefile /none/there .", "--memory lots .", "--cap-add NO_SUCH .", "--label =x .", "--ssh x=/none/there .",
		"--all-platforms .", "-o - -o type=oci,dest=- .",
	} {
		if o, err := parseArgs(t, strings.Fields(args)...); err == nil {
			t.Errorf("%q: %+v", args, o)
		} else if errs.Code(err) != errs.CodeError {
			t.Errorf("%q: code %d: %v", args, errs.Code(err), err)
		}
	}
}
