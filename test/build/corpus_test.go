package build

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var (
	peers = flag.Bool("peers", true, "build with buildah too")
	show  = flag.Bool("print", false, "print what each image has beside its base")
)

// group is an archive of the corpus.
type group struct {
	name  string
	files map[string][]byte // shared: ctx/…, setup
	cases []*example
}

// example is a Dockerfile of it.
type example struct {
	name  string
	files map[string]string
}

// lines are the non-empty lines of a part of an example.
func (e *example) lines(part string) []string {
	var out []string
	for line := range strings.Lines(e.files[part]) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

var parts = []string{"Dockerfile", "args", "rc.args", "buildah.args", "base", "image", "alone", "fails", "differs", "context"}

func readGroup(name string) (*group, error) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		return nil, err
	}
	g := &group{name: strings.TrimSuffix(filepath.Base(name), ".txtar"), files: map[string][]byte{}}
	byName := map[string]*example{}
	for _, f := range archive.Files {
		first, part, _ := strings.Cut(f.Name, "/")
		if first == "setup" || strings.HasPrefix(first, "ctx") {
			g.files[f.Name] = f.Data
			continue
		}
		e := byName[first]
		if e == nil {
			e = &example{name: first, files: map[string]string{}}
			byName[first], g.cases = e, append(g.cases, e)
		}
		if !slices.Contains(parts, part) || e.files[part] != "" {
			return nil, fmt.Errorf("%s: %s: unknown, or there twice", name, f.Name)
		}
		e.files[part] = string(f.Data)
	}
	return g, nil
}

// write puts the shared files into a directory.
func (g *group) write(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "ctx"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range g.files {
		if name == "setup" {
			continue
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if setup := g.files["setup"]; setup != nil {
		cmd := exec.Command("sh", "-euc", "umask 022\n"+string(setup))
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("setup of %s: %v\n%s", g.name, err, out)
		}
	}
}

// engine is rc or buildah.
type engine struct {
	name string
	env  []string
	// argv is the start of each command line.
	argv []string
}

func (e *engine) run(dir string, args ...string) ([]byte, error) {
	argv := slices.Concat(e.argv, args)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, e.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%s %s: %w\n%s", e.name, strings.Join(args, " "), err, &out)
	}
	return out.Bytes(), nil
}

// build builds the Dockerfile file of an example under a name, in the group's directory.
func (e *engine) build(dir, file, name, context string, args []string) error {
	all := []string{"build", "-q", "-t", name, "-f", file}
	if e.name == "buildah" {
		all = append(all, "--layers=false", "--isolation=chroot", "--identity-label=false", "--format=docker")
	}
	_, err := e.run(dir, append(append(all, args...), context)...)
	return err
}

// picture is the image of an example.
func (e *engine) picture(dir, name string) (*picture, error) {
	to := filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+"."+e.name)
	defer os.RemoveAll(to)
	// As docker's: OCI's configuration has no place for a health check.
	if _, err := e.run(dir, "push", "-q", "--format", "v2s2", name, "dir:"+to); err != nil {
		return nil, err
	}
	return read(to)
}

func TestCorpus(t *testing.T) {
	h := home(t)
	engines := []*engine{h.rc}
	if other := peer(t, h); other != nil {
		engines = append(engines, other)
	}
	names, err := filepath.Glob("corpus/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("corpus: %d archives, %v", len(names), err)
	}
	total := 0
	for _, name := range names {
		g, err := readGroup(name)
		if err != nil {
			t.Fatal(err)
		}
		total += len(g.cases)
		t.Run(g.name, func(t *testing.T) {
			dir := t.TempDir()
			g.write(t, dir)
			for _, e := range g.cases {
				t.Run(e.name, func(t *testing.T) {
					t.Parallel()
					e.test(t, dir, engines)
				})
			}
		})
	}
	if total < 120 {
		t.Errorf("%d Dockerfiles: there were 120", total)
	}
}

// write puts the Dockerfiles of an example beside its context.
func (e *example) write(t *testing.T, dir string) {
	t.Helper()
	for _, part := range []string{"Dockerfile", "base"} {
		if text, ok := e.files[part]; ok {
			if err := os.WriteFile(filepath.Join(dir, e.name+"."+part), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (e *example) test(t *testing.T, dir string, engines []*engine) {
	t.Helper()
	e.write(t, dir)
	pictures := map[string]*picture{}
	for _, engine := range engines {
		if engine.name == "buildah" && (!*peers || e.files["alone"] != "") {
			continue
		}
		p, err := e.build(dir, engine)
		if want, ok := e.files["fails"]; ok {
			want = strings.TrimSpace(want)
			if err == nil {
				t.Errorf("%s: %s builds it", e.name, engine.name)
			} else if engine.name == "rc" && !regexp.MustCompile(want).MatchString(err.Error()) {
				t.Errorf("%v\nwant %s", err, want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		pictures[engine.name] = p
	}
	ours := pictures["rc"]
	if ours == nil {
		return
	}
	e.check(t, ours)
	if theirs := pictures["buildah"]; theirs != nil {
		e.compare(t, ours, theirs)
	}
}

// build makes the base of an example, and then its image.
func (e *example) build(dir string, engine *engine) (*picture, error) {
	if _, ok := e.files["base"]; ok {
		if err := engine.build(dir, e.name+".base", "localhost/"+e.name+"-base", "ctx", nil); err != nil {
			return nil, err
		}
	}
	name := "localhost/case/" + e.name
	if err := e.make(dir, engine, name); err != nil {
		return nil, err
	}
	return engine.picture(dir, name)
}

// make builds the Dockerfile itself.
func (e *example) make(dir string, engine *engine, name string, more ...string) error {
	context := "ctx"
	if lines := e.lines("context"); lines != nil {
		context = lines[0]
	}
	args := slices.Concat(e.lines("args"), e.lines(engine.name+".args"), more)
	return engine.build(dir, e.name+".Dockerfile", name, context, args)
}
