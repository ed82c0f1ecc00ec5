package volume

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/container/volumes"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/system"
)

// taken are the options that a verb makes of arguments.
func taken[T any](t *testing.T, verb func(*cli.App, cli.RunFunc[T]) *cobra.Command, args string) (*T, error) {
	t.Helper()
	a := clitest.App(t, false)
	if err := a.Load(); err != nil {
		t.Fatal(err)
	}
	var got *T
	_, _, err := clitest.Call(t, a, verb(a, func(_ context.Context, _ *cli.App, o *T) error { got = o; return nil }), strings.Fields(args)...)
	return got, err
}

func check[T any](t *testing.T, verb func(*cli.App, cli.RunFunc[T]) *cobra.Command, args string, want *T) {
	t.Helper()
	got, err := taken(t, verb, args)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%s: %v %s", args, err, diff)
	}
}

func TestOptions(t *testing.T) {
	labels := map[string]string{"a": "b", "c": ""}
	check(t, newCreateCommand, "-d local --ignore -l a=b --label c -o type=tmpfs --opt o=size=1m --opt o=mode=700 --uid 1 --gid 2 x", &createOptions{
		Ignore: true,
		Volume: spec.Volume{
			Name: "x", Driver: "local", Labels: labels, Options: map[string]string{"type": "tmpfs", "o": "size=1m,mode=700"}, UID: new(1), GID: new(2),
		},
	})
	check(t, newLsCommand, "-f name=x --filter label=y -n --format json", &lsOptions{Filters: []string{"name=x", "label=y"}, NoHeading: true, Format: "json"})
	check(t, newLsCommand, "-q", &lsOptions{Quiet: true})
	check(t, newInspectCommand, "-f {{.Name}} a b", &inspectOptions{Names: []string{"a", "b"}, Format: "{{.Name}}"})
	check(t, newInspectCommand, "--all", &inspectOptions{All: true, Names: []string{}})
	check(t, newRmCommand, "-f a b", &rmOptions{RemoveOptions: volumes.RemoveOptions{Force: true}, Names: []string{"a", "b"}})
	check(t, newRmCommand, "-a -t -1", &rmOptions{RemoveOptions: volumes.RemoveOptions{Force: true, Timeout: new(uint(noEnd))}, All: true, Names: []string{}})
	check(t, newPruneCommand, "-fa --filter label=x", &pruneOptions{
		PruneOptions: system.PruneOptions{Volumes: true, VolumeFilters: []string{"label=x"}}, Force: true,
	})
	check(t, newExistsCommand, "a", &existsOptions{"a"})
	check(t, newExportCommand, "-o f a", &exportOptions{"a", "f"})
	check(t, newImportCommand, "a -", &importOptions{"a", "-"})
	check(t, newMountCommand, "a b", &mountOptions{[]string{"a", "b"}})
	check(t, newUnmountCommand, "a", &mountOptions{[]string{"a"}})
}

func refused[T any](t *testing.T, verb func(*cli.App, cli.RunFunc[T]) *cobra.Command, args, want string) {
	t.Helper()
	if _, err := taken(t, verb, args); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", args, err, want)
	}
}

func TestRefuses(t *testing.T) {
	refused(t, newCreateCommand, "a b", "1 arguments at most")
	refused(t, newCreateCommand, "-d nfs a", "driver local only")
	refused(t, newCreateCommand, "-d image a", "--driver image")
	refused(t, newCreateCommand, "-o type=tmpfs -o type=none a", "type is there twice")
	refused(t, newCreateCommand, "-o type=bind -o device=/x --uid 1 a", "has its owner")
	refused(t, newCreateCommand, "--uid -1 a", "--uid")
	refused(t, newCreateCommand, ".a", "not a volume's name")
	refused(t, newLsCommand, "-q --format json", "together with")
	refused(t, newLsCommand, "--format {{.Colour}}", "Colour")
	refused(t, newInspectCommand, "", "name a volume")
	refused(t, newInspectCommand, "-a x", "together with")
	refused(t, newRmCommand, "", "name a volume")
	refused(t, newRmCommand, "-a x", "together with")
	refused(t, newRmCommand, "-t -2 x", "--time -2")
	refused(t, newPruneCommand, "--filter dangling=true", "want KEY=VALUE")
	refused(t, newImportCommand, "a", "a volume and an archive is missing")
}
