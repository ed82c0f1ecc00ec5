package installed

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet"
	"github.com/rc-containers/rc/pkg/systemd"
)

// user is a user with a home of his own, on a machine without generators; there is an rc.
func user(t *testing.T) (config string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir+"/config")
	t.Setenv("XDG_RUNTIME_DIR", dir+"/run")
	t.Setenv("SYSTEMD_GENERATOR_PATH", dir+"/generators")
	t.Setenv("QUADLET_UNIT_DIRS", "")
	t.Setenv("PATH", dir+"/bin")
	write(t, dir+"/bin/rc", "#!")
	if err := os.Chmod(dir+"/bin/rc", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	return dir + "/config"
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tree is all files below a directory; links with where they go.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := strings.TrimPrefix(path, dir+"/")
		if target, err := os.Readlink(path); err == nil {
			name += " → " + target
		}
		list = append(list, name)
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return list
}

const (
	web  = "[Container]\nImage=localhost/web\nVolume=data.volume:/data\n[Install]\nWantedBy=default.target\n"
	data = "[Volume]\n"
)

func install(t *testing.T, replace bool, names ...string) (*Installed, error) {
	t.Helper()
	return Install(t.Context(), InstallOptions{
		Names: names, Replace: replace, Check: func(*quadlet.Unit) error { return nil },
		Fetch: func(_ context.Context, url string) (string, []byte, error) {
			return filepath.Base(url), []byte(data), nil
		},
	})
}

func TestInstall(t *testing.T) {
	config := user(t)
	write(t, "web.container", web)
	write(t, "web.env", "A=1\n")
	write(t, "app/web2@.container", "[Container]\nImage=localhost/web\n")
	write(t, "app/web2@.container.d/10.conf", "[Container]\nLabel=a=b\n")
	write(t, "app/conf/site", "x")
	write(t, "app/.git/config", "x")
	write(t, "app/.old.app", "x")
	if err := os.Symlink("web2@.container", "app/web2@one.container"); err != nil {
		t.Fatal(err)
	}
	// Not without what it needs, and not a part of it.
	if _, err := install(t, false, "web.container"); !errors.Is(err, errs.ErrInvalid) || !strings.HasPrefix(err.Error(), "web.container:3: Volume=") {
		t.Errorf("without its volume: %v", err)
	}
	if got := tree(t, config); len(got) > 0 {
		t.Errorf("a mistake changes %q", got)
	}
	for _, names := range [][]string{{"https://example.com/data.volume"}, {"web.container", "web.env"}, {"app"}} {
		if _, err := install(t, false, names...); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"containers/systemd/.app.app", "containers/systemd/.web.container.app", "containers/systemd/conf/site", "containers/systemd/data.volume",
		"containers/systemd/web.container", "containers/systemd/web.env", "containers/systemd/web2@.container",
		"containers/systemd/web2@.container.d/10.conf", "containers/systemd/web2@one.container → web2@.container",
		"systemd/user/data-volume.service", "systemd/user/default.target.wants/web.service → ../web.service", "systemd/user/web.service",
		"systemd/user/web2@.service", "systemd/user/web2@one.service",
	}
	if diff := cmp.Diff(want, tree(t, config)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	unit, err := os.ReadFile(config + "/systemd/user/web2@one.service")
	if err != nil || !strings.Contains(string(unit), "bin/rc run --name systemd-%p_%i") || !strings.Contains(string(unit), "--label a=b") {
		t.Errorf("the unit of an instance with a drop-in: %s, %v", unit, err)
	}

	// Again only if told to; then an [Install] that is gone takes its link along.
	write(t, "web.container", strings.Split(web, "[Install]")[0])
	if _, err := install(t, false, "web.container"); !errors.Is(err, errs.ErrExists) {
		t.Errorf("again: %v", err)
	}
	if _, err := install(t, true, "web.container", "web.env"); err != nil {
		t.Fatal(err)
	}
	want = slices.DeleteFunc(want, func(s string) bool { return strings.Contains(s, ".wants/") })
	if diff := cmp.Diff(want, tree(t, config)); diff != "" {
		t.Errorf("replaced (-want +got):\n%s", diff)
	}
	// What is in its place already needs no --replace.
	if _, err := install(t, false, config+"/containers/systemd/data.volume"); err != nil {
		t.Error(err)
	}

	items, problems, err := List(t.Context(), nil)
	if err != nil || len(problems) > 0 || len(items) != 4 {
		t.Fatal(items, problems, err)
	}
	if want := (Item{"web.container", "web.service", config + "/containers/systemd/web.container", "Not loaded", ".web.container.app"}); items[1] != want {
		t.Errorf("%+v, want %+v", items[1], want)
	}

	// A quadlet of an application takes it along, and units.
	for _, names := range [][]string{{"web2@.container"}, {".web.container.app"}, {"data.volume"}} {
		if _, err := Remove(t.Context(), nil, RemoveOptions{Names: names}); err != nil {
			t.Error(err)
		}
	}
	if got := tree(t, config); len(got) > 0 {
		t.Errorf("left behind: %q", got)
	}
}

// TestGenerator: where there is one, it makes the units; what was written before would be in its way.
func TestGenerator(t *testing.T) {
	config := user(t)
	write(t, "data.volume", data)
	if _, err := install(t, false, "data.volume"); err != nil {
		t.Fatal(err)
	}
	generator := filepath.Dir(config) + "/generators/rc-user-generator"
	write(t, generator, "#!")
	if err := os.Chmod(generator, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := install(t, true, "data.volume"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"containers/systemd/data.volume"}, tree(t, config)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Podman's makes units of the same files, so the user's own have to come before.
	podman := filepath.Dir(generator) + "/podman-user-generator"
	write(t, podman, "#!")
	if err := os.Chmod(podman, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := install(t, true, "data.volume"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"containers/systemd/data.volume", "systemd/user/data-volume.service"}, tree(t, config)); diff != "" {
		t.Errorf("beside podman's (-want +got):\n%s", diff)
	}
}

func TestInstallRefusals(t *testing.T) {
	config := user(t)
	write(t, "data.volume", data)
	write(t, "readme", "x")
	write(t, "empty/readme", "x")
	write(t, "other/data.volume", data)
	write(t, "bad.quadlets", "[Volume]\n---\n# FileName=x\n[Volume]\n")
	write(t, "kind.quadlets", "# FileName=x\n[Unit]\n")
	write(t, "path.quadlets", "# FileName=../x\n[Volume]\n")
	write(t, "nothing.quadlets", "---\n\n---\n")
	write(t, "some.pod", "[Pod]\n")
	write(t, config+"/systemd/user/mine-volume.service", "[Service]\n")
	write(t, "mine.volume", data)
	for names, want := range map[string]string{
		"readme":                        "no quadlet: want .container",
		"empty":                         "empty: no quadlet in it",
		"missing.container":             "no such file",
		"data.volume other/data.volume": "both would be data.volume",
		"bad.quadlets":                  "bad.quadlets:1: a comment is missing",
		"kind.quadlets":                 "no section of a quadlet",
		"path.quadlets":                 "FileName=../x",
		"nothing.quadlets":              "there is nothing in it",
		"some.pod":                      "rc has no pods yet",
		"mine.volume":                   "already exists, and is not rc's",
		"https://example.com/.volume":   "no name for a file",
		"https://example.com/x":         "no quadlet",
	} {
		if _, err := install(t, true, strings.Fields(names)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", names, err, want)
		}
	}
	failed := errors.New("no such flag")
	_, err := Install(t.Context(), InstallOptions{Names: []string{"data.volume"}, Check: func(*quadlet.Unit) error { return failed }})
	if err == nil || !strings.Contains(err.Error(), failed.Error()) {
		t.Errorf("a value that rc would refuse: %v", err)
	}
	if got := tree(t, config); len(got) != 1 {
		t.Errorf("what was refused changed %q", got)
	}
}

func TestSections(t *testing.T) {
	config := user(t)
	write(t, "app.quadlets", "# FileName=web\n[Container]\nImage=localhost/web\nVolume=data.volume:/data\n---\n# FileName=data.volume\n\n[Volume]\n")
	if _, err := install(t, false, "app.quadlets"); err != nil {
		t.Fatal(err)
	}
	list := readRecord(config + "/containers/systemd/.app.app")
	if !slices.Equal(list, []string{"web.container", "data.volume"}) {
		t.Errorf("the application is %q", list)
	}
	// A mistake has the line that it has in the file.
	write(t, "app.quadlets", "# FileName=web\n[Container]\nImage=localhost/web\n---\n# FileName=data.volume\n[Volume]\nCpoy=no\n")
	if _, err := install(t, true, "app.quadlets"); err == nil || !strings.HasPrefix(err.Error(), "app.quadlets:7: ") {
		t.Errorf("a mistake in the second: %v", err)
	}
}

// fake is a manager that knows what runs.
type fake struct {
	active  map[string]string
	stopped []string
	fail    error
}

func (f *fake) UnitStates(_ context.Context, names []string) (map[string]systemd.UnitState, error) {
	states := map[string]systemd.UnitState{}
	for _, name := range names {
		states[name] = systemd.UnitState{Load: "loaded", Active: f.active[name], Sub: "running"}
	}
	return states, nil
}

func (f *fake) StopAndWait(_ context.Context, unit string) error {
	f.stopped = append(f.stopped, unit)
	return f.fail
}

func TestRemove(t *testing.T) {
	config := user(t)
	for name, text := range map[string]string{"a.container": web, "b.container": web, "data.volume": data} {
		write(t, config+"/containers/systemd/"+name, text)
	}
	write(t, filepath.Dir(config)+"/run/containers/systemd/boot.volume", data)
	m := &fake{active: map[string]string{"a.service": "active", "b.service": "activating", "data-volume.service": "inactive"}}
	removed, err := Remove(t.Context(), m, RemoveOptions{Names: []string{"a.container", "data.volume", "none.container"}})
	if !errors.Is(err, errs.ErrInUse) || !errors.Is(err, errs.ErrNotFound) || !slices.Equal(removed, []string{"data.volume"}) {
		t.Errorf("%q, %v", removed, err)
	}
	m.fail = errors.New("it does not stop")
	if removed, err := Remove(t.Context(), m, RemoveOptions{Names: []string{"a.container"}, Force: true}); !errors.Is(err, m.fail) || len(removed) > 0 {
		t.Errorf("one that does not stop: %q, %v", removed, err)
	}
	m.fail = nil
	removed, err = Remove(t.Context(), m, RemoveOptions{Names: []string{"none.container"}, Ignore: true})
	if err != nil || !slices.Equal(removed, []string{"none.container"}) {
		t.Errorf("--ignore: %q, %v", removed, err)
	}
	// Those of this boot are not the user's own.
	removed, err = Remove(t.Context(), m, RemoveOptions{All: true, Force: true})
	if err != nil || !slices.Equal(removed, []string{"a.container", "b.container"}) || !slices.Contains(m.stopped, "b.service") {
		t.Errorf("--all: %q, %v; stopped %q", removed, err, m.stopped)
	}
}

// TestKilled: whatever a killed call has left, the next one goes on from there.
func TestKilled(t *testing.T) {
	config := user(t)
	write(t, "app/web.container", web)
	write(t, "app/data.volume", data)
	whole := map[string]string{}
	if _, err := install(t, false, "app"); err != nil {
		t.Fatal(err)
	}
	for _, name := range tree(t, config) {
		name, target, link := strings.Cut(name, " → ")
		text, err := os.ReadFile(filepath.Join(config, name))
		if link {
			text, err = []byte("→"+target), nil
		}
		if err != nil {
			t.Fatal(err)
		}
		whole[name] = string(text)
	}
	names := slices.Sorted(maps.Keys(whole))
	for _, missing := range names {
		if err := os.Remove(filepath.Join(config, missing)); err != nil {
			t.Fatal(err)
		}
		write(t, config+"/systemd/user/.rc-quadlet-123", "# "+mark+"\n[Uni")
		if _, err := install(t, true, "app"); err != nil {
			t.Errorf("without %s: %v", missing, err)
		}
		var got []string
		for _, name := range tree(t, config) {
			name, _, _ = strings.Cut(name, " → ")
			got = append(got, name)
		}
		slices.Sort(got)
		if diff := cmp.Diff(names, got); diff != "" {
			t.Errorf("without %s (-want +got):\n%s", missing, diff)
		}
	}
	for _, missing := range names {
		if missing == "containers/systemd/.app.app" || missing == "systemd/user/web.service" {
			continue // it is no application then; and links go before their units
		}
		if err := os.Remove(filepath.Join(config, missing)); err != nil {
			t.Fatal(err)
		}
		if _, err := Remove(t.Context(), nil, RemoveOptions{Names: []string{".app.app"}}); err != nil {
			t.Errorf("rm without %s: %v", missing, err)
		}
		if got := tree(t, config); len(got) > 0 {
			t.Errorf("rm without %s leaves %q", missing, got)
		}
		if _, err := install(t, true, "app"); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzSections(f *testing.F) {
	f.Add("# FileName=web\n[Container]\nImage=x\n---\n# FileName=x\n[Volume]\n")
	f.Fuzz(func(t *testing.T, text string) {
		files, err := sections(file{name: "x.quadlets", from: "x.quadlets", data: []byte(text)})
		for _, f := range files {
			if err != nil || !quadlet.Is(f.name) || !filepath.IsLocal(f.name) || strings.Contains(f.name, "/") {
				t.Errorf("%q: %q, %v", text, f.name, err)
			}
		}
	})
}
