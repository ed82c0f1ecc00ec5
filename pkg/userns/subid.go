package userns

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
)

// maxID is the largest id: 2^32-1 means "none" (setreuid(2)).
const maxID = 1<<32 - 2

// rangeSize is what useradd(8) gives a new user: SUB_UID_COUNT of login.defs(5).
const rangeSize = 65536

// firstSubID is where useradd(8) begins: SUB_UID_MIN.
const firstSubID = 100000

// source says where the answers are; tests have their own.
type source struct {
	subuid, subgid, passwd, group, nsswitch, proc string
	// getsubids and getent are run by name.
	getsubids, getent string
}

func system() source {
	return source{
		subuid: "/etc/subuid", subgid: "/etc/subgid", passwd: "/etc/passwd", group: "/etc/group", nsswitch: "/etc/nsswitch.conf",
		proc: "/proc", getsubids: "getsubids", getent: "getent",
	}
}

// kind is subuids or subgids.
type kind bool

const (
	subuids kind = false
	subgids kind = true
)

func (s source) file(k kind) string {
	if k == subgids {
		return s.subgid
	}
	return s.subuid
}

// idRange is count ids from first on; count > 0 and first+count-1 ≤ maxID.
type idRange struct{ first, count uint64 }

func (r idRange) end() uint64 { return r.first + r.count }

// subtract is what of r is in none of taken, in order.
func subtract(r idRange, taken []idRange) []idRange {
	rest := []idRange{r}
	for _, t := range taken {
		var next []idRange
		for _, p := range rest {
			if t.end() <= p.first || p.end() <= t.first {
				next = append(next, p)
				continue
			}
			if p.first < t.first {
				next = append(next, idRange{p.first, t.first - p.first})
			}
			if t.end() < p.end() {
				next = append(next, idRange{t.end(), p.end() - t.end()})
			}
		}
		rest = next
	}
	return rest
}

// subidLine is one line of subuid(5) or subgid(5).
type subidLine struct {
	owner string
	ids   idRange
	line  int
	text  string
	err   error // the line is malformed
}

// parseSubids reads subuid(5): owner:first:count, where owner is a name or a number. As
// shadow does, it takes # lines and empty ones as comments. Malformed lines are returned
// with err set: whose they are decides whether they matter.
func parseSubids(r io.Reader) ([]subidLine, error) {
	var lines []subidLine
	scan := bufio.NewScanner(r)
	for n := 1; scan.Scan(); n++ {
		text := strings.TrimSpace(scan.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		l := subidLine{line: n, text: text}
		l.owner, l.ids, l.err = parseSubid(text)
		lines = append(lines, l)
	}
	return lines, scan.Err()
}

func parseSubid(text string) (owner string, ids idRange, err error) {
	owner, rest, _ := strings.Cut(text, ":")
	owner = strings.TrimSpace(owner)
	first, count, ok := strings.Cut(rest, ":")
	if !ok || owner == "" || strings.Contains(count, ":") {
		return owner, idRange{}, errors.New("want user:first:count")
	}
	ids, err = parseRange(first, count)
	return owner, ids, err
}

func parseRange(first, count string) (idRange, error) {
	f, err := strconv.ParseUint(strings.TrimSpace(first), 10, 32)
	if err != nil {
		return idRange{}, fmt.Errorf("%q is no first id", first)
	}
	c, err := strconv.ParseUint(strings.TrimSpace(count), 10, 32)
	if err != nil {
		return idRange{}, fmt.Errorf("%q is no count", count)
	}
	if c == 0 {
		return idRange{}, errors.New("a count of 0")
	}
	if f+c-1 > maxID {
		return idRange{}, fmt.Errorf("ids end at %d", uint64(maxID))
	}
	return idRange{f, c}, nil
}

// parseMap reads the text of /proc/PID/uid_map.
func parseMap(text string) ([]specs.LinuxIDMapping, error) {
	var out []specs.LinuxIDMapping
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("%w: %q", errMap, line)
		}
		var n [3]uint32
		for i := range f {
			v, err := strconv.ParseUint(f[i], 10, 32)
			if err != nil {
				return nil, fmt.Errorf("%w: %q", errMap, line)
			}
			n[i] = uint32(v)
		}
		out = append(out, specs.LinuxIDMapping{ContainerID: n[0], HostID: n[1], Size: n[2]})
	}
	return out, nil
}

// ranges are the subordinate ids of a user, in file order; none is no error.
func (s source) ranges(ctx context.Context, name string, uid int, k kind) ([]idRange, error) {
	if s.nssSubids() {
		return s.askNSS(ctx, name, k)
	}
	return s.fileRanges(name, uid, k)
}

func (s source) fileRanges(name string, uid int, k kind) ([]idRange, error) {
	path := s.file(k)
	lines, err := readSubids(path)
	if err != nil {
		return nil, fmt.Errorf("subordinate ids: %w", err)
	}
	var out []idRange
	var bad error
	number := strconv.Itoa(uid)
	for _, l := range lines {
		if l.owner != name && l.owner != number {
			continue
		}
		if l.err != nil {
			bad = errors.Join(bad, fmt.Errorf("%s:%d: %q: %w: %w", path, l.line, l.text, errs.ErrInvalid, l.err))
			continue
		}
		out = append(out, l.ids)
	}
	// newuidmap passes over malformed lines; they matter where they leave nothing.
	if len(out) == 0 && bad != nil {
		return nil, bad
	}
	return out, nil
}

// readSubids reads a file that need not exist.
func readSubids(path string) ([]subidLine, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines, err := parseSubids(f)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	return lines, nil
}

// mend is the command that gives a user a range that overlaps no other.
func (s source) mend(name string, local, uids, gids bool) string {
	free, ok := s.freeRange()
	if !ok {
		return fmt.Sprintf("no %d ids are free in %s and %s", rangeSize, s.subuid, s.subgid)
	}
	if !local {
		// usermod(8) knows the users of /etc/passwd only.
		var files []string
		if uids {
			files = append(files, s.subuid)
		}
		if gids {
			files = append(files, s.subgid)
		}
		return fmt.Sprintf("echo %s:%d:%d | sudo tee -a %s", name, free.first, free.count, strings.Join(files, " "))
	}
	var b strings.Builder
	b.WriteString("sudo usermod")
	if uids {
		fmt.Fprintf(&b, " --add-subuids %d-%d", free.first, free.end()-1)
	}
	if gids {
		fmt.Fprintf(&b, " --add-subgids %d-%d", free.first, free.end()-1)
	}
	return b.String() + " " + name
}

// freeRange is the first range of the usual size that is nobody's in either file.
func (s source) freeRange() (idRange, bool) {
	var taken []idRange
	for _, path := range []string{s.subuid, s.subgid} {
		lines, err := readSubids(path)
		if err != nil {
			continue // what cannot be read cannot be avoided; usermod checks again
		}
		for _, l := range lines {
			if l.err == nil {
				taken = append(taken, l.ids)
			}
		}
	}
	return firstFree(taken)
}

func firstFree(taken []idRange) (idRange, bool) {
	r := idRange{firstSubID, rangeSize}
	for moved := true; moved; {
		moved = false
		for _, t := range taken {
			if t.first < r.end() && r.first < t.end() {
				r.first, moved = t.end(), true
			}
		}
		if r.end()-1 > maxID {
			return idRange{}, false
		}
	}
	return r, true
}
