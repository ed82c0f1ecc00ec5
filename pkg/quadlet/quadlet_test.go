package quadlet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet/unitfile"
)

// files writes files into a new directory; one that ends in → is a link.
func files(t *testing.T, list map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range list {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "→"); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDirs(t *testing.T) {
	dir := files(t, map[string]string{
		"run/containers/systemd/a.container":          "",
		"config/containers/systemd/sub/deep/x":        "",
		"config/containers/systemd/foo.container.d/x": "",
		"config/containers/systemd/.git/x":            "",
		"config/containers/systemd/again":             "→.",
		"config/containers/systemd/loop":              "→loop",
		"config/containers/systemd/linked":            "→../../../elsewhere",
		"elsewhere/in/x":                              "",
		"etc/users/7/mine/x":                          "",
		"etc/users/8/theirs/x":                        "",
		"etc/users/all/x":                             "",
		"share/users/7/x":                             "",
		"home/.config/containers/systemd/x":           "",
	})
	env := map[string]string{"XDG_RUNTIME_DIR": dir + "/run", "XDG_CONFIG_HOME": dir + "/config"}
	h := host{getenv: func(name string) string { return env[name] }, uid: 7, etc: dir + "/etc", share: dir + "/share"}
	check := func(want ...string) {
		t.Helper()
		got, problems := h.dirs()
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], dir+"/")
		}
		if diff := cmp.Diff(want, got); diff != "" || len(problems) > 1 {
			t.Errorf("%v (-want +got):\n%s", problems, diff)
		}
	}
	check("run/containers/systemd", "config/containers/systemd", "config/containers/systemd/linked", "config/containers/systemd/linked/in",
		"config/containers/systemd/sub", "config/containers/systemd/sub/deep", "etc/users/7", "etc/users/7/mine", "etc/users", "etc/users/all",
		"share/users/7", "share/users")
	env = map[string]string{"HOME": dir + "/home"}
	h.etc, h.share = "/nowhere", "/nowhere"
	check("home/.config/containers/systemd")
	env["QUADLET_UNIT_DIRS"] = dir + "/elsewhere:" + dir + "/missing"
	check("elsewhere", "elsewhere/in")
	env["QUADLET_UNIT_DIRS"] = "relative"
	if got, problems := h.dirs(); len(got) != 0 || len(problems) != 1 {
		t.Errorf("a relative path: %q, %v", got, problems)
	}
}

// TestDirsEnd: a link to a large tree does not make the user manager wait.
func TestDirsEnd(t *testing.T) {
	dir := t.TempDir()
	for i := range maxDirs + 50 {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint(i)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h := host{getenv: func(name string) string { return map[string]string{"QUADLET_UNIT_DIRS": dir}[name] }}
	if got, problems := h.dirs(); len(got) != maxDirs || len(problems) == 0 {
		t.Errorf("%d directories, %v", len(got), problems)
	}
}

// TestLoad: the first of a name counts, and what is in the way is said.
func TestLoad(t *testing.T) {
	dir := files(t, map[string]string{
		"one/a.container":      "[Container]\nImage=one",
		"two/a.container":      "[Container]\nImage=two",
		"one/b.container":      "→/dev/null",
		"two/b.container":      "[Container]\nImage=two",
		"two/c@.container":     "[Container]\nImage=template",
		"two/c@i.container":    "→c@.container",
		"two/dir.container/x":  "",
		"two/loop.container":   "→loop.container",
		"two/gone.container":   "→nowhere",
		"two/binary.container": "\x7fELF\x00",
		"two/huge.container":   strings.Repeat("#", maxFile+1),
		"two/.hidden.volume":   "",
		"two/.volume":          "",
		"two/README":           "",
		"two/locked.container": "",
	})
	if err := unix.Mkfifo(filepath.Join(dir, "two/pipe.container"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "two/locked.container"), 0); err != nil {
		t.Fatal(err)
	}
	set, problems := Load([]string{dir + "/one", dir + "/two", dir + "/three"}, nil)
	if len(problems) != 1 || !errors.Is(problems[0], os.ErrNotExist) {
		t.Errorf("problems %v", problems)
	}
	units := map[string]Unit{}
	for _, u := range set.Convert(Options{Program: "rc"}) {
		units[u.Source.Name] = u
	}
	for name, want := range map[string]string{
		"a.container": "", "c@.container": "", "c@i.container": "",
		"loop.container": "too many levels", "gone.container": "no such file", "binary.container": "not a text file",
		"huge.container": "larger than 1024 KB", "pipe.container": "not a file", "locked.container": "permission denied",
	} {
		u, ok := units[name]
		delete(units, name)
		if name == "locked.container" && os.Getuid() == 0 {
			continue
		}
		if err := u.Err(); !ok || (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if len(units) > 0 {
		t.Errorf("besides: %v", units)
	}
	if e, _ := set.Source("a.container").file.Last("Container", "Image"); e.Value != "one" {
		t.Errorf("of two files %s counts", e.Pos)
	}
	// Files that are named come first, and bring their directory's drop-ins along.
	set, _ = Load([]string{dir + "/one"}, []string{dir + "/two/a.container"})
	if e, _ := set.Source("a.container").file.Last("Container", "Image"); e.Value != "two" {
		t.Errorf("of two files %s counts", e.Pos)
	}
}

// TestLoadDropIns: what is wrong with a drop-in is its quadlet's, and that of no other.
func TestLoadDropIns(t *testing.T) {
	dir := files(t, map[string]string{
		"one/a.container":                "[Container]\nImage=one",
		"one/a.container.d/loop.conf":    "→loop.conf",
		"one/a.container.d/gone.conf":    "→nowhere.conf",
		"one/a.container.d/binary.conf":  "\x7fELF\x00",
		"one/a.container.d/huge.conf":    strings.Repeat("#", maxFile+1),
		"one/a.container.d/dir.conf/x":   "",
		"one/a.container.d/masked.conf":  "→/dev/null",
		"one/b.container":                "[Container]\nImage=one",
		"one/b.container.d":              "→b.container.d",
		"one/c.container":                "[Container]\nImage=one",
		"one/c.container.d":              "[Container]\nImage=file",
		"one/d.container":                "[Container]\nImage=one",
		"two/d.container":                "[Container]\nImage=two",
		"two/d.container.d/name.conf":    "[Container]\nContainerName=two",
		"one/d.container.d/more.conf":    "[Container]\nHostName=one",
		"two/d.container.d/more.conf":    "[Container]\nHostName=two",
		"one/container.d/all.conf/x":     "",
		"one/container.d/.hidden.conf":   "\x00",
		"one/container.d/no-drop-in.txt": "\x00",
	})
	set, problems := Load([]string{dir + "/one", dir + "/two"}, nil)
	if len(problems) > 0 {
		t.Errorf("problems %v", problems)
	}
	units := map[string]Unit{}
	for _, u := range set.Convert(Options{Program: "rc"}) {
		units[u.Source.Name] = u
	}
	for _, name := range []string{"b.container", "c.container", "d.container"} {
		u := units[name]
		if err := u.Err(); err == nil || !strings.Contains(err.Error(), "all.conf: not a file") || strings.Contains(err.Error(), "a.container.d") {
			t.Errorf("%s: %v", name, err)
		}
	}
	u := units["a.container"]
	for _, want := range []string{"loop.conf: too many levels", "gone.conf: no such file", "binary.conf: not a text file", "huge.conf: larger than", "dir.conf: not a file"} {
		if err := u.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a.container: %v does not say %s", err, want)
		}
	}
	d := set.Source("d.container").file
	if e, _ := d.Last("Container", "ContainerName"); e.Value != "two" {
		t.Errorf("the other directory's drop-in does not count: %v", e)
	}
	if e, _ := d.Last("Container", "HostName"); e.Value != "one" {
		t.Errorf("of two drop-ins of one name that at %s counts", e.Pos)
	}
}

func TestDropInNames(t *testing.T) {
	for name, want := range map[string]string{
		"foo.container":      "foo.container.d container.d",
		"a-b-c.volume":       "a-b-c.volume.d a-b-.volume.d a-.volume.d volume.d",
		"a-b@.container":     "a-b@.container.d a-@.container.d a-.container.d container.d",
		"a-b@x-y.container":  "a-b@x-y.container.d a-b@.container.d a-@.container.d a-.container.d container.d",
		"trailing-.image":    "trailing-.image.d image.d",
		"-leading.container": "-leading.container.d -.container.d container.d",
	} {
		if got := strings.Join(dropInNames(name), " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestWrite(t *testing.T) {
	dir, _ := unpack(t, "testdata/references.txtar")
	out := filepath.Join(t.TempDir(), "new/units")
	units := convert(t, dir)
	for range 2 {
		if problems := Write(out, units, true); len(problems) > 0 {
			t.Fatal(problems)
		}
	}
	for _, u := range units {
		data, err := os.ReadFile(filepath.Join(out, u.Name))
		if err != nil || string(data) != string(u.Text) {
			t.Errorf("%s: %v", u.Name, err)
		}
		for _, l := range u.Links {
			// A template's links go to what is there once an instance is asked for.
			if _, err := os.Stat(filepath.Join(out, l.Path)); err != nil {
				t.Errorf("%s: %v", l.Path, err)
			}
		}
	}
	if left, _ := filepath.Glob(out + "/.rc-*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	// A link that goes elsewhere is ours to change, a file is not.
	u := Unit{Source: &Source{}, Name: "x.service", Links: []Link{{"default.target.wants/app.service", "../other.service"}, {"db.service", "app.service"}}}
	if problems := Write(out, []Unit{u}, false); len(problems) != 1 || !errors.Is(problems[0], errs.ErrInvalid) {
		t.Errorf("over a unit: %v", problems)
	}
	if target, _ := os.Readlink(out + "/default.target.wants/app.service"); target != "../other.service" {
		t.Errorf("the link goes to %q", target)
	}
}

func TestGeneratorDirs(t *testing.T) {
	dir := files(t, map[string]string{"a/rc-user-generator": "#!", "b/rc-user-generator": "#!", "a/masked": "→/dev/null", "b/masked": "#!"})
	for _, name := range []string{"b/rc-user-generator", "b/masked"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h := host{getenv: func(string) string { return dir + "/b:" + dir + "/a" }}
	if got := h.generator("rc-user-generator"); got != dir+"/b/rc-user-generator" {
		t.Error(got)
	}
	h = host{getenv: func(string) string { return dir + "/a:" + dir + "/b:" }}
	for _, name := range []string{"rc-user-generator", "masked", "missing"} { // not executable, masked, not there
		if got := h.generator(name); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestProgram(t *testing.T) {
	dir := files(t, map[string]string{"bin/rc": "", "libexec/rc/x": "", "build/rc": ""})
	for _, name := range []string{"bin/rc", "build/rc"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", "")
	for self, want := range map[string]string{
		"libexec/rc/rc-user-generator": dir + "/bin/rc", "build/rc-user-generator": dir + "/build/rc", "bin/rc": dir + "/bin/rc", "far/else/where/x": "",
	} {
		got, err := program(filepath.Join(dir, self))
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", self, got, err)
		}
	}
}

func FuzzConvert(f *testing.F) {
	for _, name := range []string{"container", "others", "bad", "references"} {
		archive, err := os.ReadFile("testdata/" + name + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(".container", string(archive))
	}
	f.Add(".volume", "[Volume]\nDevice=/x\nType=bind\n")
	f.Add(".network", "[Network]\nSubnet=10.0.0.0/8\n")
	f.Add(".build", "[Build]\nFile=x\nSetWorkingDirectory=file\nImageTag=x")
	f.Fuzz(func(t *testing.T, ext, text string) {
		name := "fuzz" + ext
		if kindOf(name) == nil || strings.ContainsAny(ext, "/\x00") {
			return
		}
		file, err := unitfile.Parse("/q/"+name, []byte(text))
		if err != nil {
			return
		}
		src := &Source{Name: name, Path: "/q/" + name, kind: kindOf(name), file: file}
		set := &Set{sources: []*Source{src}, byName: map[string]*Source{name: src}}
		for _, u := range set.Convert(Options{Program: "/usr/bin/rc", By: "fuzz"}) {
			if u.Text == nil {
				if len(u.Problems) == 0 {
					t.Error("no unit, and no reason")
				}
				continue
			}
			if !isUnitName(u.Name) {
				t.Errorf("unit %q", u.Name)
			}
			unit, err := unitfile.Parse("unit", u.Text)
			if err != nil {
				t.Fatalf("%s\n%v", u.Text, err)
			}
			starts := unit.Values("Service", "ExecStart")
			if len(starts) == 0 {
				t.Fatalf("nothing is started:\n%s", u.Text)
			}
			words, err := unitfile.Words(starts[len(starts)-1].Value)
			if err != nil || len(u.Problems) == 0 && !slices.Equal(words, u.Command) {
				t.Errorf("%q was written as %q: %v", u.Command, words, err)
			}
			for _, l := range u.Links {
				if strings.Contains(l.Path, "..") && strings.Contains(filepath.Clean(l.Path), "../") || filepath.IsAbs(l.Path) {
					t.Errorf("a link at %q", l.Path)
				}
			}
		}
	})
}
