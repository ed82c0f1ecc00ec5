package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rc-containers/rc/test/busybox"
)

// baseConfig is the configuration of localhost/base beside its files, which are busybox's.
var baseConfig = []string{
	`ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin BASE=yes`,
	`CMD ["/bin/sh"]`,
	`LABEL of.base=1`,
}

// setup gives both engines a home of their own, with localhost/base in it.
func setup(t *testing.T) []*engine {
	t.Helper()
	if os.Getuid() == 0 {
		t.Skip("for an ordinary user: test/build/run.sh")
	}
	work, err := os.MkdirTemp("/var/tmp", "rc-build.") //nolint:usetesting // t.TempDir is too long for sockets, and cannot remove other ids' files
	if err != nil {
		t.Fatal(err)
	}
	rc := &engine{name: "rc", argv: []string{program(t)}}
	t.Cleanup(func() {
		if _, err := rc.run(work, "unshare", "rm", "-rf", filepath.Join(work, "home")); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(work); err != nil {
			t.Error(err)
		}
	})
	env := os.Environ()
	for _, name := range []string{"HOME", "XDG_RUNTIME_DIR", "TMPDIR"} {
		dir := filepath.Join(work, strings.ToLower(name))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+dir)
	}
	rc.env = env
	base := filepath.Join(work, "base")
	archive, err := os.Create(base + ".rootfs")
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
	must(t, rc, work, append(args, base+".rootfs", "localhost/base")...)
	if !*peers {
		return []*engine{rc}
	}
	if _, err := exec.LookPath("buildah"); err != nil {
		if os.Getenv("RC_TEST_NO_SKIP") != "" {
			t.Fatal("buildah is not installed")
		}
		t.Log("buildah is not installed: only rc builds")
		*peers = false
		return []*engine{rc}
	}
	must(t, rc, work, "save", "-q", "-o", base+".tar", "localhost/base")
	buildah := &engine{name: "buildah", argv: []string{"buildah", "--storage-driver", "vfs"}, env: env}
	must(t, buildah, work, "pull", "-q", "docker-archive:"+base+".tar")
	return []*engine{rc, buildah}
}

func must(t *testing.T, e *engine, dir string, args ...string) {
	t.Helper()
	if _, err := e.run(dir, args...); err != nil {
		t.Fatal(err)
	}
}

func program(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{os.Getenv("RC_E2E_BIN"), "bin", "../../bin"} {
		if path, err := filepath.Abs(filepath.Join(dir, "rc")); err == nil && dir != "" {
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	t.Fatal("no rc: make build, or set RC_E2E_BIN")
	return ""
}
