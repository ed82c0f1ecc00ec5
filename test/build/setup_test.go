package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rc-containers/rc/test/busybox"
)

// baseConfig is the configuration of localhost/base beside its files, which are busybox's.
var baseConfig = []string{
	`ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin BASE=yes`,
	`CMD ["/bin/sh"]`,
	`LABEL of.base=1`,
}

// place is a home with localhost/base in its store.
type place struct {
	dir string
	rc  *engine
}

// home makes one.
func home(t *testing.T) *place {
	t.Helper()
	if os.Getuid() == 0 {
		t.Skip("for an ordinary user: test/build/run.sh")
	}
	dir, err := os.MkdirTemp("/var/tmp", "rc-build.") //nolint:usetesting // t.TempDir is too long for sockets, and cannot remove other ids' files
	if err != nil {
		t.Fatal(err)
	}
	h := &place{dir: dir, rc: &engine{name: "rc", argv: []string{program(t)}, env: os.Environ()}}
	t.Cleanup(func() {
		if out, err := exec.Command(h.rc.argv[0], "unshare", "rm", "-rf", filepath.Join(dir, "home")).CombinedOutput(); err != nil {
			t.Errorf("remove %s: %v\n%s", dir, err, out)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for name, sub := range map[string]string{"HOME": "home", "XDG_RUNTIME_DIR": "run", "TMPDIR": "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
		h.rc.env = append(h.rc.env, name+"="+filepath.Join(dir, sub))
	}
	rootfs := filepath.Join(dir, "base.rootfs")
	archive, err := os.Create(rootfs)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	if err := busybox.Write(archive, busybox.Path); err != nil {
		t.Fatal(err)
	}
	args := []string{"import", "-q"}
	for _, change := range baseConfig {
		args = append(args, "--change", change)
	}
	must(t, h.rc, dir, append(args, rootfs, "localhost/base")...)
	return h
}

// output is what rc prints.
func (h *place) output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.rc.run(h.dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// peer is buildah with the same base in a store of its own, nil where it is not wanted.
func peer(t *testing.T, h *place) *engine {
	t.Helper()
	if !*peers {
		return nil
	}
	if _, err := exec.LookPath("buildah"); err != nil {
		missing(t, "buildah is not installed")
	}
	archive := filepath.Join(h.dir, "base.tar")
	must(t, h.rc, h.dir, "save", "-q", "-o", archive, "localhost/base")
	buildah := &engine{name: "buildah", argv: []string{"buildah", "--storage-driver", "vfs"}, env: h.rc.env}
	must(t, buildah, h.dir, "pull", "-q", "docker-archive:"+archive)
	return buildah
}

// missing skips the test, or fails it where everything has to be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("RC_TEST_NO_SKIP") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func must(t *testing.T, e *engine, dir string, args ...string) {
	t.Helper()
	if _, err := e.run(dir, args...); err != nil {
		t.Fatal(err)
	}
}

func program(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"bin", "../../bin"} {
		path, err := filepath.Abs(filepath.Join(dir, "rc"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatal("no rc: make build")
	return ""
}
