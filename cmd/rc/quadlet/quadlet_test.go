package quadlet

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet/installed"
)

func check[T any](t *testing.T, verb func(*cli.App, cli.RunFunc[T]) *cobra.Command, args string, want *T) {
	t.Helper()
	got, err := clitest.Options(t, verb, strings.Fields(args)...)
	if want == nil {
		if !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s: %v", args, err)
		}
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("%s: %v %s", args, err, diff)
	}
}

func TestOptions(t *testing.T) {
	check(t, newInstallCommand, "-r a.container b", &installOptions{Names: []string{"a.container", "b"}, Replace: true, Reload: true})
	check(t, newInstallCommand, "--replace --reload-systemd=false a", &installOptions{Names: []string{"a"}, Replace: true, ReloadAsked: true})
	check(t, newInstallCommand, "", nil)
	check(t, newListCommand, "-f name=x --filter status=y -n --format json", &listOptions{Filters: []string{"name=x", "status=y"}, NoHeading: true, Format: "json"})
	check(t, newListCommand, "--format {{.Nmae}}", nil)
	check(t, newListCommand, "x", nil)
	check(t, newPrintCommand, "--unit a", &printOptions{Name: "a", Unit: true})
	check(t, newPrintCommand, "a b", nil)
	check(t, newPrintCommand, "", nil)
	check(t, newRmCommand, "-fi a b", &rmOptions{RemoveOptions: installed.RemoveOptions{Names: []string{"a", "b"}, Force: true, Ignore: true}, Reload: true})
	check(t, newRmCommand, "-a --reload-systemd", &rmOptions{RemoveOptions: installed.RemoveOptions{Names: []string{}, All: true}, Reload: true, ReloadAsked: true})
	check(t, newRmCommand, "-a x", nil)
	check(t, newRmCommand, "", nil)
	check(t, newVerifyCommand, "a b", &verifyOptions{Names: []string{"a", "b"}})
}

func TestFilters(t *testing.T) {
	items := []installed.Item{{Name: "web.container", Status: "active/running"}, {Name: "web.volume", Status: "Not loaded"}, {Name: "db.container", Status: "failed/failed"}}
	for filters, want := range map[string]string{
		"":                               "web.container web.volume db.container",
		"name=^web":                      "web.container web.volume",
		"name=^web status=active":        "web.container",
		"name=^web name=db":              "web.container web.volume db.container",
		"status=Not.loaded":              "web.volume",
		"status=active status=failed":    "web.container db.container",
		"name=nothing":                   "",
		"name=web.volume status=running": "",
	} {
		match, err := parseFilters(strings.Fields(filters))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range items {
			if match(i) {
				got = append(got, i.Name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", filters, got, want)
		}
	}
	for _, filter := range []string{"name", "app=x", "name=("} {
		if _, err := parseFilters([]string{filter}); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", filter, err)
		}
	}
}

// verified is what rc quadlet verify says about a directory of quadlets.
func verified(t *testing.T, quadlets map[string]string, args ...string) (stdout string, err error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range quadlets {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.MkdirAll(dir+"/bin", 0o755), os.WriteFile(dir+"/bin/rc", nil, 0o755)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+"/bin")
	t.Setenv("QUADLET_UNIT_DIRS", dir+"/q")
	t.Chdir(dir)
	a := clitest.App(t, false)
	stdout, _, err = clitest.Call(t, a, newVerifyCommand(a, verify), args...)
	return stdout, err
}

func TestVerify(t *testing.T) {
	image := "[Container]\nImage=localhost/x\n"
	quadlets := map[string]string{
		"q/good.container":   image + "Volume=data.volume:/x\nMemory=5m\nEnvironmentFile=not-there-yet.env\nHostName=%N-100%%\n",
		"q/data.volume":      "",
		"q/values.container": image + "Memory=much\nPublishPort=80:x\n",
		"q/later.container":  image + "Memory=%H\n", // who knows
		"q/vars.container":   image + "PublishPort=$PORT:80\n",
		"q/keys.container":   image + "Memroy=5m\n",
		"other/data.volume":  "[Volume]\nCpoy=no\n",
		"other/readme":       "",
	}
	stdout, err := verified(t, quadlets)
	lines := strings.Fields(strings.ReplaceAll(stdout, ": ", ":"))
	slices.Sort(lines)
	if diff := cmp.Diff([]string{"data.volume:data-volume.service", "good.container:good.service", "later.container:later.service", "vars.container:vars.service"}, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, want := range []string{"values.container: --memory \"much\": want", "keys.container:3: [Container] has no key \"Memroy\"; did you mean Memory=?"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	for args, want := range map[string]string{
		"good.container":          "",
		"other":                   "other/data.volume:2: ",
		"other/data.volume":       "other/data.volume:2: ",
		"data.volume":             "",
		"keys.container":          "keys.container:3: ",
		"none.container":          `quadlet "none.container": not found`,
		"none":                    "no such file",
		"other/readme":            "no quadlet",
		"./q/good.container q":    "keys.container",
		"good.container other/.x": "no such file",
	} {
		_, err := verified(t, quadlets, strings.Fields(args)...)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

func TestComplete(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(dir+"/a.container", nil, 0o644), os.WriteFile(dir+"/b.volume", nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("QUADLET_UNIT_DIRS", dir)
	if got, _ := complete(0)(nil, []string{"a.container"}, ""); !slices.Equal(got, []string{"b.volume"}) {
		t.Errorf("rm a.container: %q", got)
	}
	if got, _ := complete(1)(nil, []string{"a.container"}, ""); len(got) > 0 {
		t.Errorf("print a.container: %q", got)
	}
}
