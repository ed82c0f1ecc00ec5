package overlay

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/test/testns"
)

func owner(t *testing.T, path string) [2]uint32 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return [2]uint32{st.Uid, st.Gid}
}

// TestShift: owners are shown shifted, written back unshifted, and unknown ones are nobody's.
func TestShift(t *testing.T) {
	testns.Need(t, checkFuse(Fuse))
	r := tree(t, t.TempDir(), 1)
	for name, id := range map[string]int{"root": 0, "five": 5, "far": 500} {
		write(t, filepath.Join(r.Lower[0], name), "x")
		if err := os.Chown(filepath.Join(r.Lower[0], name), id, id); err != nil {
			t.Skip(err) // one id only
		}
	}
	// As keep-id of user 5 has it.
	r.UIDs = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1, Size: 5}, {ContainerID: 5, HostID: 0, Size: 1}, {ContainerID: 6, HostID: 6, Size: 100}}
	r.GIDs, r.Program = r.UIDs, Auto
	mount(t, r)
	const nobody = 65534
	for name, want := range map[string]uint32{"root": 1, "five": 0, "far": nobody} {
		if got := owner(t, filepath.Join(r.Target, name)); got != [2]uint32{want, want} {
			t.Errorf("%s is %v, want %d", name, got, want)
		}
	}
	write(t, filepath.Join(r.Target, "new"), "x")
	write(t, filepath.Join(r.Target, "given"), "x")
	if err := os.Chown(filepath.Join(r.Target, "given"), 1, 50); err != nil {
		t.Fatal(err)
	}
	if got := owner(t, filepath.Join(r.Upper, "new")); got != [2]uint32{5, 5} {
		t.Errorf("what 0 makes is %v on disk", got)
	}
	if got := owner(t, filepath.Join(r.Upper, "given")); got != [2]uint32{0, 50} {
		t.Errorf("what 1 and 50 own is %v on disk", got)
	}
}

func TestShiftNeedsFuse(t *testing.T) {
	r := Root{Program: Native, UIDs: []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1, Size: 5}}}
	if _, err := r.program(); !errors.Is(err, errs.ErrUnsupported) || errs.Hint(err) == "" {
		t.Error(err)
	}
	r.UIDs = []specs.LinuxIDMapping{{ContainerID: 3, HostID: 3, Size: 5}}
	if program, err := r.program(); program != Native || err != nil {
		t.Error(program, err)
	}
}

func TestReadFile(t *testing.T) {
	top, low := t.TempDir(), t.TempDir()
	write(t, low+"/etc/passwd", "low")
	write(t, low+"/etc/group", "low")
	write(t, low+"/etc/shadow", "low")
	write(t, top+"/etc/passwd", "top")
	write(t, top+"/etc/.wh.group", "")
	for path, want := range map[string]string{"etc/passwd": "top", "etc/group": "", "etc/shadow": "low", "etc/none": "", "etc/passwd/x": ""} {
		got, err := ReadFile([]string{top, low}, path, 100)
		if string(got) != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
	if _, err := ReadFile([]string{top}, "etc/passwd", 2); err == nil {
		t.Error("the limit does not hold")
	}
}

func TestNames(t *testing.T) {
	top, low := t.TempDir(), t.TempDir()
	for _, path := range []string{
		low + "/etc/passwd", low + "/etc/group", low + "/etc/ssl/cert", low + "/opaque/low", low + "/deleted/x", low + "/dir/x",
		top + "/etc/passwd", top + "/etc/.wh.group", top + "/etc/top", top + "/opaque/.wh..wh..opq", top + "/opaque/top", top + "/.wh.deleted", top + "/dir",
	} {
		write(t, path, "")
	}
	if err := os.Symlink("etc", low+"/link"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]string{
		"/": {"dir", "etc/", "link", "opaque/"}, "/etc": {"passwd", "ssl/", "top"}, "/etc/ssl": {"cert"}, "opaque": {"top"},
		"deleted": nil, "dir": nil, "none": nil, "/etc/passwd": nil, "../..": {"dir", "etc/", "link", "opaque/"},
	} {
		if got := Names([]string{top, low}, path); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
