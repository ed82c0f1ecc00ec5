package build_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/build/worker"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	imageworker "github.com/rc-containers/rc/pkg/image/worker"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/stack"
	"github.com/rc-containers/rc/test/testns"
)

func TestMain(m *testing.M) {
	if os.Args[0] == "rc-image" {
		if len(os.Args) > 1 && os.Args[1] == build.Word {
			worker.Main()
		} else {
			imageworker.Main()
		}
		return
	}
	testns.Main(m)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// setup gives directories of the test's own, and lets package image find the worker.
func setup(t testing.TB) *config.Config {
	t.Helper()
	bin := t.TempDir()
	exe, err := os.Executable()
	must(t, err)
	must(t, os.Symlink(exe, filepath.Join(bin, "rc-image")))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("CONTAINERS_REGISTRIES_CONF", "/dev/null")
	dir := t.TempDir()
	return &config.Config{DataRoot: filepath.Join(dir, "data"), RunRoot: filepath.Join(dir, "run"), TmpDir: t.TempDir()}
}

// tree writes files: name, content, name, content … A name that ends in a slash is a directory.
func tree(t testing.TB, words ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(words); i += 2 {
		path := filepath.Join(dir, words[i])
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if strings.HasSuffix(words[i], "/") {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		must(t, os.WriteFile(path, []byte(words[i+1]), 0o644))
	}
	return dir
}

// options are those of `rc build -t TAG DIR`.
func options(dir, tag string) build.Options {
	o := build.Options{Dockerfile: filepath.Join(dir, "Dockerfile"), Name: "Dockerfile", Context: dir, Remembered: true, Format: image.FormatOCI, PullPolicy: image.Missing}
	if tag != "" {
		o.Tags = []string{"localhost/" + tag + ":latest"}
	}
	return o
}

// shell is a Runner that knows some commands, one in a line of what sh -c is given. It works on the directories itself.
type shell struct {
	mu   sync.Mutex
	runs []string // what was run
	most int      // that many at once
	now  int
	// on is called before a command is run.
	on func(ctx context.Context, r build.Run)
}

func (s *shell) Run(ctx context.Context, r build.Run, log func(int, []byte)) (ran build.Ran) {
	text := r.Args[len(r.Args)-1]
	s.mu.Lock()
	s.runs = append(s.runs, text)
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
	}()
	if s.on != nil {
		s.on(ctx, r)
	}
	for line := range strings.Lines(text) {
		code, err := command(ctx, r, strings.Fields(line), log)
		if err != nil {
			return build.Ran{Error: image.NewFailure(err)}
		}
		if code != 0 {
			return build.Ran{Code: code}
		}
	}
	return build.Ran{}
}

// command is one command.
func command(ctx context.Context, r build.Run, words []string, log func(int, []byte)) (int, error) {
	at := func(path string) (string, error) {
		for _, m := range r.Mounts {
			if rest, ok := strings.CutPrefix(path, m.Target+"/"); ok && m.Source != "" {
				return filepath.Join(m.Source, rest), nil
			}
		}
		path = filepath.Join(r.Upper, path)
		return path, os.MkdirAll(filepath.Dir(path), 0o755)
	}
	switch words[0] {
	case "true":
		return 0, nil
	case "write": // PATH TEXT
		path, err := at(words[1])
		if err != nil {
			return 0, err
		}
		return 0, os.WriteFile(path, []byte(words[2]), 0o644)
	case "env": // PATH NAME
		path, err := at(words[1])
		if err != nil {
			return 0, err
		}
		return 0, os.WriteFile(path, []byte(strings.Join(r.Env, "\n")), 0o644)
	case "have": // PATH
		for _, m := range r.Mounts {
			if rest, ok := strings.CutPrefix(words[1], m.Target+"/"); ok {
				var dirs []string
				for _, dir := range append([]string{m.Source}, m.Lower...) {
					if dir != "" {
						dirs = append(dirs, filepath.Join(dir, m.Path))
					}
				}
				return have(dirs, rest)
			}
		}
		return have(r.Lower, strings.Trim(words[1], "/"))
	case "rm": // PATH
		path, err := at(words[1])
		if err != nil {
			return 0, err
		}
		return 0, unix.Mknod(path, unix.S_IFCHR, 0)
	case "link": // PATH TO
		path, err := at(words[1])
		if err != nil {
			return 0, err
		}
		return 0, os.Symlink(words[2], path)
	case "print":
		log(1, []byte(strings.Join(words[1:], " ")+"\n"))
		return 0, nil
	case "sleep": // ms
		ms, err := strconv.Atoi(words[1])
		if err != nil {
			return 0, err
		}
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
			return 0, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	case "exit":
		return strconv.Atoi(words[1])
	}
	return 127, nil
}

// have is the exit code of a command that looks for a name in the root of layers.
func have(dirs []string, name string) (int, error) {
	layers, err := stack.Open(dirs...)
	if err != nil {
		return 0, err
	}
	defer layers.Close()
	if has, err := layers.Has(name); err != nil || !has {
		return 1, err
	}
	return 0, nil
}

// journal keeps what progress is told.
type journal struct {
	mu     sync.Mutex
	names  map[int]string
	states map[string]string // by name
	errors map[string]string
	events []build.Event
	log    strings.Builder
}

func (j *journal) tell(e build.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.names == nil {
		j.names, j.states, j.errors = map[int]string{}, map[string]string{}, map[string]string{}
	}
	j.events = append(j.events, e)
	if e.Name != "" {
		j.names[e.Step] = e.Name
	}
	if e.State != "" {
		j.states[j.names[e.Step]] = e.State
	}
	if e.Error != "" {
		j.errors[j.names[e.Step]] = e.Error
	}
	if e.Warning != "" {
		fmt.Fprintln(&j.log, "warning:", e.Warning)
	}
	j.log.Write(e.Log)
}

// made builds, and fails the test where the build fails.
func made(t testing.TB, cfg *config.Config, o build.Options, s *shell) (build.Result, *journal) {
	t.Helper()
	j := &journal{}
	r, err := build.Build(context.Background(), cfg, o, s, j.tell)
	if err != nil {
		t.Fatalf("%v\n%v\n%s", err, j.states, j.log.String())
	}
	return r, j
}

func resolve(t testing.TB, cfg *config.Config, name string) *index.Image {
	t.Helper()
	img, err := image.Resolve(context.Background(), cfg, name, spec.Platform{})
	must(t, err)
	return img
}

// content reads a file of an image, "-" for one that is not there.
func content(t testing.TB, img *index.Image, path string) string {
	t.Helper()
	layers, err := stack.Open(img.Lower...)
	must(t, err)
	defer layers.Close()
	if has, err := layers.Has(strings.Split(path, "/")[0]); err != nil || !has {
		return "-"
	}
	for _, dir := range img.Lower {
		data, err := os.ReadFile(filepath.Join(dir, path))
		if err == nil {
			return string(data)
		}
		var st unix.Stat_t
		if unix.Lstat(filepath.Join(dir, path), &st) == nil && stack.IsWhiteout(&st) {
			return "-"
		}
		if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return "-"
}

func TestBuild(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", `FROM scratch
ENV A=1
WORKDIR /work
COPY a b/
RUN write /made $A
RUN rm /work/b/a
CMD ["x"]
LABEL l=2
`, "a", "content of a")
	s := &shell{}
	r, _ := made(t, cfg, options(dir, "x"), s)
	if r.Cached != 0 || r.Steps != 4 {
		t.Errorf("result %+v", r)
	}
	img := resolve(t, cfg, "x")
	if img.ID != r.ID || string(img.Digest) != r.Digest {
		t.Errorf("image %s %s, result %+v", img.ID, img.Digest, r)
	}
	if got := content(t, img, "made") + content(t, img, "work/b/a"); got != "$A-" {
		t.Errorf("content %q", got)
	}
	if got := fmt.Sprint(img.Config.Env, img.Config.Cmd, img.Config.WorkingDir, img.Config.Labels, img.Layers); got != "[PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin A=1] [x]/workmap[l:2] 4" {
		t.Errorf("configuration %s", got)
	}
	again, j := made(t, cfg, options(dir, "x"), s)
	if again.ID != r.ID || again.Cached != 4 || len(s.runs) != 2 {
		t.Errorf("again: %+v, runs %q, %v", again, s.runs, j.states)
	}
}
