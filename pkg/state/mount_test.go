package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestMounted(t *testing.T) {
	root := Root{Data: t.TempDir(), Run: t.TempDir()}
	id := strings.Repeat("a", idLength)
	if err := os.MkdirAll(root.Dir(id), 0o700); err != nil {
		t.Fatal(err)
	}
	own, err := OwnMounts()
	if err != nil {
		t.Fatal(err)
	}
	if m, err := root.Mounted(id); m != nil || err != nil {
		t.Error(m, err)
	}
	// The root is mounted here, and this process is there to see it.
	if err := root.WriteMount(id, &Mount{Path: "/", Namespace: own}); err != nil {
		t.Fatal(err)
	}
	if m, err := root.Mounted(id); err != nil || m == nil || m.Path != "/" {
		t.Error(m, err)
	}
	if err := root.CheckUnmounted(id); !errors.Is(err, errs.ErrInUse) || errs.Hint(err) == "" {
		t.Error(err)
	}
	if err := root.SweepMounts(); err != nil {
		t.Error(err)
	}
	if m, err := root.Mounted(id); m == nil || err != nil {
		t.Error(m, err)
	}
	// A broken record is no reason to mount twice.
	if err := os.WriteFile(filepath.Join(root.Dir(id), mountFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := root.CheckUnmounted(id); err == nil {
		t.Error("a broken record is taken for none")
	}
}

// TestHolders looks for a mount in the processes of a made-up machine.
func TestHolders(t *testing.T) {
	const path = "/home/me/a b/merged"
	const mounted = `30 1 0:9 / /home/me/a\040b/merged rw - overlay overlay rw` + "\n"
	for name, test := range map[string]struct {
		namespace, mounts, comm string
		daemon, used            bool
	}{
		"one of it":             {"mnt:[7]", mounted, "sh", false, true},
		"its daemon":            {"mnt:[7]", mounted, "fuse-overlayfs", true, false},
		"another namespace":     {"mnt:[8]", mounted, "sh", false, false},
		"a later one":           {"mnt:[7]", "30 1 0:9 / /home/me rw - ext4 x rw\n", "sh", false, false},
		"one mounted elsewhere": {"mnt:[7]", "30 1 0:9 / /home/me/a\\040b/merged2 rw - overlay overlay rw\n", "sh", false, false},
	} {
		proc := t.TempDir()
		dir := filepath.Join(proc, "4711")
		err := errors.Join(os.MkdirAll(filepath.Join(dir, "ns"), 0o755), os.MkdirAll(filepath.Join(proc, "sys"), 0o755),
			os.Symlink(test.namespace, filepath.Join(dir, "ns/mnt")),
			os.WriteFile(filepath.Join(dir, "mountinfo"), []byte(test.mounts), 0o644), os.WriteFile(filepath.Join(dir, "comm"), []byte(test.comm+"\n"), 0o644))
		if err != nil {
			t.Fatal(err)
		}
		m := &Mount{Path: path, Namespace: "mnt:[7]", Daemon: "fuse-overlayfs"}
		daemons, used, err := m.holders(proc)
		if err != nil || used != test.used || (len(daemons) == 1) != test.daemon {
			t.Errorf("%s: %v, %v, %v", name, daemons, used, err)
		}
	}
}
