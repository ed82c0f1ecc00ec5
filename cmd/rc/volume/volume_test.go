package volume

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/container/volumes"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/system"
)

func check[T any](t *testing.T, verb func(*cli.App, cli.RunFunc[T]) *cobra.Command, args string, want *T) {
	t.Helper()
	got, err := clitest.Options(t, verb, strings.Fields(args)...)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
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
	check(t, newRmCommand, "-a -t -1", &rmOptions{RemoveOptions: volumes.RemoveOptions{Force: true, Timeout: new(uint(cli.NoEnd))}, All: true, Names: []string{}})
	check(t, newPruneCommand, "-fa --filter label=x", &pruneOptions{
		PruneOptions: system.PruneOptions{Volumes: true, VolumeFilters: []string{"label=x"}}, Force: true,
	})
	check(t, newExportCommand, "-o f a", &exportOptions{"a", "f"})
	check(t, newImportCommand, "a -", &importOptions{"a", "-"})
	check(t, newMountCommand, "a b", &mountOptions{[]string{"a", "b"}})
	check(t, newUnmountCommand, "a", &mountOptions{[]string{"a"}})
}

func TestRefuses(t *testing.T) {
	clitest.Refused(t, newCreateCommand, map[string]string{
		"a b":                                 "1 arguments at most",
		"-d nfs a":                            "driver local only",
		"-d image a":                          "--driver image",
		"-o type=tmpfs -o type=none a":        "type is there twice",
		"-o type=bind -o device=/x --uid 1 a": "has its owner",
		"--uid -1 a":                          "--uid",
		".a":                                  "not a volume's name",
	})
	clitest.Refused(t, newLsCommand, map[string]string{
		"-q --format json":     "together with",
		"--format {{.Colour}}": "Colour",
	})
	clitest.Refused(t, newInspectCommand, map[string]string{
		"":     "name a volume",
		"-a x": "together with",
	})
	clitest.Refused(t, newRmCommand, map[string]string{
		"":        "name a volume",
		"-a x":    "together with",
		"-t -2 x": "--time -2",
	})
	clitest.Refused(t, newPruneCommand, map[string]string{"--filter dangling=true": "want KEY=VALUE"})
	clitest.Refused(t, newImportCommand, map[string]string{"a": "a volume and an archive is missing"})
}
