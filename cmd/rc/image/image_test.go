package image

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	digest "github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
)

// withImages is an app with an index of four images: one with two names, one older, one
// without a name, and one without a name that the first stands on.
func withImages(t *testing.T) *cli.App {
	t.Helper()
	dir := t.TempDir()
	a := &cli.App{Config: &config.Config{DataRoot: filepath.Join(dir, "data"), RunRoot: filepath.Join(dir, "run")}}
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	a.Stdout, a.Stderr, a.Stdin = out, out, out
	now := time.Now()
	layers := map[string][]string{"a": {"l2", "l1"}, "b": {"l3"}, "c": {"l4"}, "d": {"l1"}}
	var entries []index.Entry
	for _, e := range []index.Entry{
		{ID: "a", Names: []string{"docker.io/library/app:1", "localhost/app:2"}, Created: now.Add(-time.Hour), Size: 7_000_000, TopLayer: "l2"},
		{ID: "b", Names: []string{"quay.io/old/tool:latest"}, Created: now.Add(-48 * time.Hour), Size: 9_000_000, TopLayer: "l3"},
		{ID: "c", Created: now.Add(-time.Minute), TopLayer: "l4"},
		{ID: "d", Created: now.Add(-2 * time.Hour), TopLayer: "l1"},
	} {
		record := &index.Record{LayerIDs: layers[e.ID], Config: index.Config{ImageConfig: index.ImageConfig{Labels: map[string]string{"is": e.ID}}}}
		e.ID = strings.Repeat(e.ID, 64)
		e.Digest = index.Digest(digest.FromString(e.ID))
		e.Digests = []index.Digest{e.Digest}
		for _, layer := range record.LayerIDs {
			if err := os.MkdirAll(filepath.Join(a.Config.StorageRoot(), "overlay", layer, "diff"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := index.WriteRecord(a.Config, e.ID, record); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	state, err := index.Current(a.Config)
	if err == nil {
		err = index.Write(a.Config, state, entries, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func runImages(t *testing.T, a *cli.App, args ...string) (string, error) {
	t.Helper()
	if err := errors.Join(a.Stdout.Truncate(0), second(a.Stdout.Seek(0, 0))); err != nil {
		t.Fatal(err)
	}
	cmd := newImagesCommand(a, listImages)
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(context.Background())
	data, readErr := os.ReadFile(a.Stdout.Name())
	if readErr != nil {
		t.Fatal(readErr)
	}
	return string(data), err
}

func second[T any](_ T, err error) error { return err }

func TestImagesLists(t *testing.T) {
	a := withImages(t)
	id := func(s string) string { return strings.Repeat(s, 12) }
	names := "{{.Repository}}:{{.Tag}}"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--format", names}, "<none>:<none>\ndocker.io/library/app:1\nlocalhost/app:2\nquay.io/old/tool:latest\n"},
		{[]string{"--format", names, "app"}, "docker.io/library/app:1\nlocalhost/app:2\n"},
		{[]string{"--format", names, "app:2"}, "localhost/app:2\n"},
		{[]string{"--format", names, "quay.io/*/*"}, "quay.io/old/tool:latest\n"},
		{[]string{"-q"}, id("c") + "\n" + id("a") + "\n" + id("b") + "\n"},
		{[]string{"-qa"}, id("c") + "\n" + id("a") + "\n" + id("d") + "\n" + id("b") + "\n"},
		{[]string{"-q", "--no-trunc", "old/tool"}, "sha256:" + strings.Repeat("b", 64) + "\n"},
		{[]string{"-q", "-f", "dangling=true"}, id("c") + "\n"},
		{[]string{"-q", "-f", "dangling=false"}, id("a") + "\n" + id("b") + "\n"},
		{[]string{"-q", "-f", "intermediate=true"}, id("d") + "\n"},
		{[]string{"-q", "-f", "containers=external"}, ""},
		{[]string{"-q", "-f", "label=is=a"}, id("a") + "\n"},
		{[]string{"-q", "-f", "label!=is=a"}, id("c") + "\n" + id("b") + "\n"},
		{[]string{"-q", "-f", "label=is", "-f", "label=none"}, ""},
		{[]string{"-q", "-f", "before=app:1"}, id("b") + "\n"},
		{[]string{"-q", "-f", "since=tool"}, ""},
		{[]string{"-q", "-f", "since=old/tool"}, id("c") + "\n" + id("a") + "\n"},
		{[]string{"-q", "-f", "until=24h"}, id("b") + "\n"},
		{[]string{"-q", "-f", "reference=app", "-f", "reference=old/*"}, id("a") + "\n" + id("b") + "\n"},
		{[]string{"-q", "--sort", "size"}, id("b") + "\n" + id("a") + "\n" + id("c") + "\n"},
		{[]string{"--sort", "repository", "--format", names}, "<none>:<none>\ndocker.io/library/app:1\nlocalhost/app:2\nquay.io/old/tool:latest\n"},
		{[]string{"-n", "app:1"}, "docker.io/library/app  1           aaaaaaaaaaaa  About an hour ago  7 MB\n"},
	} {
		got, err := runImages(t, a, c.args...)
		if c.args[len(c.args)-1] == "since=tool" {
			if !errors.Is(err, errs.ErrNotFound) {
				t.Errorf("%q: %v", c.args, err)
			}
			continue
		}
		if d := cmp.Diff(c.want, got); err != nil || d != "" {
			t.Errorf("%q: %v %s", c.args, err, d)
		}
	}
	for _, bad := range [][]string{{"--sort", "x"}, {"-f", "x=y"}, {"-f", "dangling"}, {"-f", "dangling=x"}, {"-f", "until=x"}, {"a", "b"}, {"-f", "reference=["}} {
		if _, err := runImages(t, a, bad...); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestImageFlags(t *testing.T) {
	a := withImages(t)
	yes := true
	run := func(cmd *cobra.Command, args ...string) error {
		cmd.SetArgs(args)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		return cmd.ExecuteContext(context.Background())
	}
	var pulled *pullOptions
	pull := func(args ...string) error {
		return run(newPullCommand(a, func(_ context.Context, _ *cli.App, o *pullOptions) error { pulled = o; return nil }), args...)
	}
	if err := pull("-q", "--creds", "u:p", "--retry", "5", "--retry-delay", "2s", "--tls-verify", "--arch", "aarch64", "--policy", "newer", "x", "y"); err != nil {
		t.Fatal(err)
	}
	want := &pullOptions{Images: []string{"x", "y"}, PullOptions: image.PullOptions{
		Quiet: true, Policy: image.Newer, Platform: image.Platform{Arch: "arm64"},
		Registry: image.Registry{Creds: "u:p", Retry: 5, RetryDelay: 2 * time.Second, TLSVerify: &yes},
	}}
	if d := cmp.Diff(want, pulled); d != "" {
		t.Error(d)
	}
	for _, bad := range [][]string{{}, {"--policy", "x", "i"}, {"--creds", "u", "i"}, {"--platform", "linux/", "i"}, {"--platform", "linux/arm64", "--arch", "arm", "i"}, {"--retry-delay", "-1s", "i"}} {
		if err := pull(bad...); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("pull %q: %v", bad, err)
		}
	}
	var imported *image.ImportOptions
	err := run(newImportCommand(a, func(_ context.Context, _ *cli.App, o *image.ImportOptions) error { imported = o; return nil }),
		"-c", "CMD a", "-c", "ENV=b=c", "-m", "note", "--platform", "linux/arm/v7", "f.tar", "name")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(&image.ImportOptions{Source: "f.tar", Name: "name", Changes: []string{"CMD a", "ENV=b=c"}, Message: "note", Platform: image.Platform{OS: "linux", Arch: "arm", Variant: "v7"}}, imported); d != "" {
		t.Error(d)
	}
	if err := run(newImportCommand(a, nil), "-c", "RUN x", "f"); !errors.Is(err, errs.ErrInvalid) {
		t.Error(err)
	}
	for _, bad := range [][]string{{}, {"--all", "x"}} {
		if err := run(newRmiCommand(a, nil), bad...); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("rmi %q: %v", bad, err)
		}
	}
	if err := run(newTagCommand(a, nil), "x"); !errors.Is(err, errs.ErrInvalid) {
		t.Error(err)
	}
}
