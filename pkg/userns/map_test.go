package userns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
)

// fake makes a source of files with the given contents.
func fake(t testing.TB, files map[string]string) source {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	return source{
		subuid: at("subuid"), subgid: at("subgid"), passwd: at("passwd"), group: at("group"), nsswitch: at("nsswitch.conf"), proc: at("proc"),
		getsubids: at("getsubids"), getent: at("getent"),
	}
}

const passwd = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n"

func extent(inside, outside, size uint32) specs.LinuxIDMapping {
	return specs.LinuxIDMapping{ContainerID: inside, HostID: outside, Size: size}
}

func TestDefaultMap(t *testing.T) {
	own := extent(0, 1000, 1)
	for _, c := range []struct {
		what, uids, gids string
		want             []specs.LinuxIDMapping
	}{
		{"by name", "alice:100000:65536\n", "", []specs.LinuxIDMapping{own, extent(1, 100000, 65536)}},
		{"by number", "1000:100000:65536", "", []specs.LinuxIDMapping{own, extent(1, 100000, 65536)}},
		{
			"several, comments, others, blanks", "# alice:1:2\n\n bob:1:1\nalice:300000:10\n  1000 : 200000 : 20  \nalice2:5:5\n", "",
			[]specs.LinuxIDMapping{own, extent(1, 300000, 10), extent(11, 200000, 20)},
		},
		{"others malformed", "bob\nalice:100000:10\nx:y:z\n", "", []specs.LinuxIDMapping{own, extent(1, 100000, 10)}},
		{"own malformed, one good", "alice:x:10\nalice:100000:10", "", []specs.LinuxIDMapping{own, extent(1, 100000, 10)}},
		{"twice", "alice:100000:10\n1000:100005:10\n", "", []specs.LinuxIDMapping{own, extent(1, 100000, 10), extent(11, 100010, 5)}},
		{"own id within", "alice:990:20\n", "", []specs.LinuxIDMapping{own, extent(1, 990, 10), extent(11, 1001, 9)}},
	} {
		t.Run(c.what, func(t *testing.T) {
			gids := c.gids
			if gids == "" {
				gids = c.uids
			}
			s := fake(t, map[string]string{"subuid": c.uids, "subgid": gids, "passwd": passwd})
			m, err := s.defaultMap(t.Context(), 1000, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, m.UIDs); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.want, m.GIDs); diff != "" {
				t.Error(diff)
			}
			if m.direct || m.Single() {
				t.Errorf("%+v", m)
			}
		})
	}
}

func TestDefaultMapWithoutRange(t *testing.T) {
	for _, files := range []map[string]string{
		{"passwd": passwd},
		{"passwd": passwd, "subuid": "bob:100000:65536\n", "subgid": "bob:100000:65536\n"},
	} {
		m, err := fake(t, files).defaultMap(t.Context(), 1000, 1234)
		if err != nil || !m.Single() || !m.direct || m.GIDs[0].HostID != 1234 {
			t.Errorf("%+v %v", m, err)
		}
	}
}

func TestDefaultMapErrors(t *testing.T) {
	const free = "100000-165535"
	for _, c := range []struct {
		what, uids, gids string
		uid              int
		text, hint       string
		is               error
	}{
		{"malformed", "bob:1:1\nalice:100000\n", "alice:1:1", 1000, `:2: "alice:100000"`, "sudo usermod --add-subuids " + free + " alice", errs.ErrInvalid},
		{"no number", "alice:x:10\n", "alice:1:1", 1000, `"x" is no first id`, "--add-subuids", errs.ErrInvalid},
		{"count 0", "alice:10:0\n", "alice:1:1", 1000, "a count of 0", "--add-subuids", errs.ErrInvalid},
		{"too far", "alice:4294967290:10\n", "alice:1:1", 1000, "ids end at 4294967294", "--add-subuids", errs.ErrInvalid},
		{"gids missing", "alice:100000:65536\n", "", 1000, "subgid", "sudo usermod --add-subgids 165536-231071 alice", errs.ErrNotFound},
		{"uids missing", "", "alice:100000:65536\n", 1000, "subuid", "sudo usermod --add-subuids 165536-231071 alice", errs.ErrNotFound},
		{"root", "alice:100000:65536\nbob:165536:100\n", "", 0, "of root", "sudo usermod --add-subuids 165636-231171 --add-subgids 165636-231171 root", errs.ErrNotFound},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := fake(t, map[string]string{"subuid": c.uids, "subgid": c.gids, "passwd": passwd})
			_, err := s.defaultMap(t.Context(), c.uid, c.uid)
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) || !strings.Contains(errs.Hint(err), c.hint) {
				t.Errorf("%v\nhint %s", err, errs.Hint(err))
			}
		})
	}
}

// TestNSS: getsubids is asked only where nsswitch.conf says so.
func TestNSS(t *testing.T) {
	script := "#!/bin/sh\ncase \"$*\" in alice) echo '0: alice 500000 10'; echo '1: alice 600000 20';; '-g alice') echo '0: alice 700000 30';; *) exit 1;; esac\n"
	s := fake(t, map[string]string{
		"subuid": "alice:100000:65536\n", "subgid": "alice:100000:65536\n", "passwd": passwd,
		"nsswitch.conf": "passwd: files\n # subid: no\nsubid:\tsss # x\n", "getsubids": script,
	})
	m, err := s.defaultMap(t.Context(), 1000, 1000)
	if err != nil {
		t.Fatal(err)
	}
	want := []specs.LinuxIDMapping{extent(0, 1000, 1), extent(1, 500000, 10), extent(11, 600000, 20)}
	if diff := cmp.Diff(want, m.UIDs); diff != "" {
		t.Error(diff)
	}
	if m, err := s.defaultMap(t.Context(), 1001, 1001); err != nil || !m.Single() {
		t.Errorf("bob: %+v %v", m, err)
	}
	s.getsubids = "rc-no-such-program"
	if _, err := s.defaultMap(t.Context(), 1000, 1000); !errors.Is(err, errs.ErrNotFound) || !strings.Contains(errs.Hint(err), "uidmap") {
		t.Errorf("without getsubids: %v", err)
	}
	for text, want := range map[string]bool{"": false, "subid: files sss": false, "subid:": false, "subids: sss": false, "subid: sss files": true} {
		s := fake(t, map[string]string{"nsswitch.conf": text})
		if got := s.nssSubids(); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestUserName(t *testing.T) {
	s := fake(t, map[string]string{"passwd": passwd, "getent": "#!/bin/sh\n[ \"$*\" = 'passwd 5000' ] && echo 'ldap:x:5000:5000:::'\n"})
	for uid, want := range map[int]string{1000: "alice true", 5000: "ldap false", 6000: "6000 false"} {
		name, local := s.userName(uid)
		if got := fmt.Sprint(name, " ", local); got != want {
			t.Errorf("%d: %s, want %s", uid, got, want)
		}
	}
	if got := s.mend("ldap", false, true, true); !strings.Contains(got, "echo ldap:100000:65536 | sudo tee -a "+s.subuid+" "+s.subgid) {
		t.Error(got)
	}
}

func TestFirstFree(t *testing.T) {
	for _, c := range []struct {
		taken []idRange
		want  uint64
	}{
		{nil, 100000},
		{[]idRange{{100000, 65536}}, 165536},
		{[]idRange{{165536, 65536}, {100000, 65536}}, 231072},
		{[]idRange{{100000, 65536}, {300000, 10}}, 165536},
		{[]idRange{{120000, 1}, {170000, 1}}, 170001},
		{[]idRange{{0, maxID}}, 0},
	} {
		got, ok := firstFree(c.taken)
		if got.first != c.want || ok != (c.want > 0) {
			t.Errorf("%v: %v %v", c.taken, got, ok)
		}
	}
}

func TestMapIDs(t *testing.T) {
	m := Map{UIDs: []specs.LinuxIDMapping{extent(0, 1000, 1), extent(1, 100000, 10)}, GIDs: []specs.LinuxIDMapping{extent(0, 1000, 1), extent(1, 200000, 5)}}
	if id, ok := m.HostUID(3); id != 100002 || !ok {
		t.Error(id, ok)
	}
	if id, ok := m.HostGID(5); id != 200004 || !ok {
		t.Error(id, ok)
	}
	if _, ok := m.HostUID(11); ok || m.Size() != 11 || m.Single() {
		t.Error(ok, m.Size())
	}
	for id, want := range map[uint32]bool{0: true, 5: true, 6: false, 1 << 31: false} {
		if m.Contains(id) != want {
			t.Errorf("Contains(%d) is not %v", id, want)
		}
	}
}

func TestNested(t *testing.T) {
	s := fake(t, map[string]string{"proc/self/uid_map": "  0 1000 1\n 1 100000 65536\n", "proc/self/gid_map": "0 1000 1\n5 100000 10\n", "passwd": passwd})
	m, err := s.defaultMap(t.Context(), 0, 0)
	if err != nil || !m.direct {
		t.Fatalf("%+v %v", m, err)
	}
	if diff := cmp.Diff([]specs.LinuxIDMapping{extent(0, 0, 1), extent(1, 1, 65536)}, m.UIDs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]specs.LinuxIDMapping{extent(0, 0, 1), extent(5, 5, 10)}, m.GIDs); diff != "" {
		t.Error(diff)
	}
	s = fake(t, map[string]string{"proc/self/uid_map": "0 0 4294967295\n", "proc/self/gid_map": "0 0 4294967295\n"})
	if m, ok := s.nested(); ok {
		t.Errorf("the initial namespace: %+v", m)
	}
}

// TestManyRanges: no map has more lines than the kernel takes, or repeats an id.
func TestManyRanges(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "alice:%d:1\n", 100000+i*2)
	}
	s := fake(t, map[string]string{"subuid": b.String(), "subgid": b.String(), "passwd": passwd})
	m, err := s.defaultMap(t.Context(), 1000, 1000)
	if err != nil || len(m.UIDs) != maxExtents {
		t.Errorf("%d %v", len(m.UIDs), err)
	}
}

func FuzzParseSubids(f *testing.F) {
	for _, text := range []string{"a:1:2\n", "#x\n\na:100000:65536", "a:b:c", "::", "a:1", "a:4294967295:1", "a:-1:5", "a:1:2:3", "1000:1:1\nalice:0:4294967295\nalice:990:20"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := parseSubids(strings.NewReader(text))
		if err != nil {
			return // a line of 64 KB
		}
		var ranges []idRange
		for _, l := range lines {
			if l.err == nil {
				ranges = append(ranges, l.ids)
			}
		}
		outside, inside := map[uint64]bool{}, uint64(0)
		for _, e := range extents(1000, ranges) {
			if uint64(e.ContainerID) != inside || e.Size == 0 || uint64(e.HostID)+uint64(e.Size)-1 > maxID {
				t.Fatalf("extent %+v", e)
			}
			inside += uint64(e.Size)
			// The ends are enough: an overlap has one range's end in another.
			for _, id := range []uint64{uint64(e.HostID), uint64(e.HostID) + uint64(e.Size) - 1} {
				if outside[id] && e.Size > 1 {
					t.Fatalf("id %d twice", id)
				}
				outside[id] = true
			}
		}
		if free, ok := firstFree(ranges); ok {
			for _, r := range ranges {
				if len(subtract(free, []idRange{r})) != 1 || subtract(free, []idRange{r})[0] != free {
					t.Fatalf("%v overlaps %v", free, r)
				}
			}
		}
	})
}

func FuzzParseGetsubids(f *testing.F) {
	f.Add("0: alice 100000 65536\n")
	f.Add("Error fetching ranges\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parseGetsubids(text); err != nil && !errors.Is(err, errs.ErrInvalid) {
			t.Error(err)
		}
	})
}

func FuzzParseMap(f *testing.F) {
	f.Add("         0          0 4294967295\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parseMap(text); err != nil && !errors.Is(err, errMap) {
			t.Error(err)
		}
	})
}

func TestCaller(t *testing.T) {
	const map1000 = "         0       1000          1\n         1     100000      65536\n"
	for _, c := range []struct {
		what, uid, done, uidMap string
		euid, want              int
	}{
		{"rc unshare", "1000", "done", map1000, 0, 1000},
		{"the user himself", "1000", "done", map1000, 1000, 0},
		{"a container", "", "", map1000, 0, 0},
		{"a further namespace", "1000", "done", "0 0 1\n1 1 65536\n", 0, 0},
		{"somebody else's", "1001", "done", map1000, 0, 0},
		{"a range", "1000", "done", "0 1000 65536\n", 0, 0},
		{"the host", "0", "done", "0 0 4294967295\n", 0, 0},
		{"nonsense", "me", "done", map1000, 0, 0},
		{"no map", "1000", "done", "", 0, 0},
	} {
		s := fake(t, map[string]string{"proc/self/uid_map": c.uidMap})
		env := map[string]string{"_CONTAINERS_ROOTLESS_UID": c.uid, "_CONTAINERS_USERNS_CONFIGURED": c.done}
		uid, ok := s.caller(c.euid, func(key string) string { return env[key] })
		if uid != c.want || ok != (c.want != 0) {
			t.Errorf("%s: %d, %t", c.what, uid, ok)
		}
	}
}
