package system

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/test/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

func settings(t *testing.T) *config.Config {
	t.Helper()
	dir := t.TempDir()
	cfg := &config.Config{DataRoot: filepath.Join(dir, "data"), RunRoot: filepath.Join(dir, "run")}
	for _, d := range []string{"storage/overlay/" + strings.Repeat("a", 64) + "/diff", "containers/x/upper", "trash", "storage/staging/y"} {
		must(t, os.MkdirAll(filepath.Join(cfg.DataRoot, d), 0o700))
	}
	return cfg
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRechown pretends that the ids from 1001 on were those from 1 on: set-id bits and
// capabilities survive, and a second call has nothing to do.
func TestRechown(t *testing.T) {
	cfg := settings(t)
	data, err := os.ReadFile("/proc/self/uid_map")
	must(t, err)
	now := parseMap(string(data))
	at := now[len(now)-1]
	if at.Size < 3000 {
		t.Skip("the namespace has too few ids")
	}
	first := at.HostID + 1001 - at.ContainerID // outside, of 1001 here
	old := []specs.LinuxIDMapping{{ContainerID: 1, HostID: first, Size: 1000}}
	text, err := json.Marshal(idMap{old, old})
	must(t, err)
	must(t, os.WriteFile(idMapPath(cfg), text, 0o600))

	file := filepath.Join(cfg.DataRoot, "containers/x/upper/program")
	must(t, os.WriteFile(file, []byte("x"), 0o755))
	must(t, os.Chown(file, 1001+69, 1001+4))
	must(t, os.Chmod(file, 0o755|os.ModeSetuid|os.ModeSetgid))
	// VFS_CAP_REVISION_2, effective, CAP_NET_RAW permitted.
	capability := []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	capErr := unix.Setxattr(file, "security.capability", capability, 0)
	link := filepath.Join(cfg.DataRoot, "storage/overlay", strings.Repeat("a", 64), "diff/link")
	must(t, os.Symlink("/nowhere", link))
	must(t, os.Lchown(link, 1001, 7))
	hard := filepath.Join(cfg.DataRoot, "trash/hard")
	must(t, os.Link(file, hard))

	for range 2 {
		must(t, Rechown(t.Context(), cfg))
		for path, want := range map[string][2]uint32{file: {70, 5}, hard: {70, 5}, link: {1, 7}} {
			var st unix.Stat_t
			must(t, unix.Lstat(path, &st))
			if st.Uid != want[0] || st.Gid != want[1] {
				t.Errorf("%s belongs to %d:%d, want %v", path, st.Uid, st.Gid, want)
			}
			if path == file && st.Mode&0o7777 != 0o6755 {
				t.Errorf("mode %o", st.Mode)
			}
		}
		if capErr == nil {
			buf := make([]byte, 64)
			if n, err := unix.Getxattr(file, "security.capability", buf); err != nil || string(buf[:n]) != string(capability) {
				t.Errorf("capabilities %v, %v", buf[:max(n, 0)], err)
			}
		}
	}
}

// TestUsage: the sum is what du says, whatever lies about.
func TestUsage(t *testing.T) {
	cfg := settings(t)
	big := []byte(strings.Repeat("0123456789", 30_000))
	for _, path := range []string{"storage/overlay/" + strings.Repeat("a", 64) + "/diff/f", "storage/staging/y/f", "trash/f", "containers/x/upper/f", "index.json"} {
		must(t, os.WriteFile(filepath.Join(cfg.DataRoot, path), big, 0o600))
	}
	must(t, os.Truncate(filepath.Join(cfg.DataRoot, "index.json"), 0))
	must(t, os.Link(filepath.Join(cfg.DataRoot, "trash/f"), filepath.Join(cfg.DataRoot, "trash/g")))
	must(t, os.Truncate(filepath.Join(cfg.DataRoot, "trash/f"), 1<<30)) // sparse
	u, err := MeasureUsage(t.Context(), cfg)
	must(t, err)
	out, err := exec.CommandContext(t.Context(), "du", "-s", "-B1", cfg.DataRoot).Output()
	must(t, err)
	du, err := strconv.ParseInt(strings.Fields(string(out))[0], 10, 64)
	must(t, err)
	if sum := u.ImagesSize + u.ContainersSize + u.VolumesSize; sum != du {
		t.Errorf("%d, du says %d: %+v", sum, du, u)
	}
	if u.ImagesReclaimable < 2*int64(len(big)) || u.ContainersReclaimable < int64(len(big)) {
		t.Errorf("reclaimable: %+v", u)
	}
}

// TestCheckReset: what is not rc's alone is refused.
func TestCheckReset(t *testing.T) {
	cfg := settings(t)
	must(t, CheckReset(cfg))
	for _, add := range []func() string{
		func() string {
			path := filepath.Join(cfg.DataRoot, "photos")
			must(t, os.Mkdir(path, 0o700))
			return path
		},
		func() string {
			must(t, os.MkdirAll(cfg.RunRoot, 0o700))
			path := filepath.Join(cfg.RunRoot, "bus")
			must(t, os.WriteFile(path, nil, 0o600))
			return path
		},
		func() string {
			path := filepath.Join(cfg.DataRoot, "images")
			must(t, os.Symlink("/srv", path))
			return path
		},
	} {
		path := add()
		if err := CheckReset(cfg); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%s: %v", path, err)
		}
		if err := Wipe(cfg); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s: %v", path, err)
		}
		must(t, os.Remove(path))
	}
	must(t, Wipe(cfg))
	if exists(cfg.DataRoot) {
		t.Error("it is still there")
	}
}
