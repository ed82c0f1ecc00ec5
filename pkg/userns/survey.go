package userns

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// RangeSize is how many subordinate ids useradd(8) gives a user, and most images need.
const RangeSize = rangeSize

// Survey is what this machine says about the caller's subordinate ids, for somebody who judges it.
type Survey struct {
	// Name is the caller's; NSS says that a directory service has the ranges, not the files.
	Name string
	NSS  bool
	// UIDs and GIDs are the caller's ranges, in order.
	UIDs, GIDs []Range
	// Malformed are lines of the caller's that nobody can read.
	Malformed []error
	// Overlaps are ids of the caller's that are somebody else's, too.
	Overlaps []Overlap
}

// Range is Count ids from First on.
type Range struct{ First, Count uint64 }

// Overlap is a range of the caller's that meets another's, or an account's own id.
type Overlap struct {
	Mine Range
	// With says what it meets: "bob's 100000-165535 (/etc/subuid:4)".
	With string
	// Groups says that these are group ids.
	Groups bool
}

func (r Range) String() string { return fmt.Sprintf("%d-%d", r.First, r.First+r.Count-1) }

// Total is how many ids ranges have together.
func Total(ranges []Range) uint64 {
	n := uint64(0)
	for _, r := range ranges {
		n += r.Count
	}
	return n
}

// SurveyIDs looks at the caller's subordinate ids.
func SurveyIDs(ctx context.Context) (*Survey, error) { return system().survey(ctx, os.Getuid()) }

// AddRange is the command that gives the caller a range of the usual size in the files that lack one.
func AddRange(uids, gids bool) string {
	s := system()
	name, local := s.userName(os.Getuid())
	return s.mend(name, local, uids, gids)
}

// ReplaceRange is the command that gives the caller a range that is nobody else's in place of r.
func ReplaceRange(r Range, groups bool) string {
	s := system()
	name, _ := s.userName(os.Getuid())
	free, ok := s.freeRange()
	if !ok {
		return s.mend(name, true, !groups, groups) // it says that there is none
	}
	kind := "subuids"
	if groups {
		kind = "subgids"
	}
	return fmt.Sprintf("sudo usermod --del-%s %s --add-%s %d-%d %s", kind, r, kind, free.first, free.end()-1, name)
}

func (s source) survey(ctx context.Context, uid int) (*Survey, error) {
	name, _ := s.userName(uid)
	out := &Survey{Name: name, NSS: s.nssSubids()}
	for _, k := range []kind{subuids, subgids} {
		mine, err := s.ranges(ctx, name, uid, k)
		if errors.Is(err, errs.ErrInvalid) {
			mine, err = nil, nil // each malformed line is told below
		}
		if err != nil {
			return nil, err
		}
		lines, err := readSubids(s.file(k))
		if err != nil {
			return nil, err
		}
		number := strconv.Itoa(uid)
		var others []subidLine
		for _, l := range lines {
			own := l.owner == name || l.owner == number
			switch {
			case own && l.err != nil:
				out.Malformed = append(out.Malformed, fmt.Errorf("%s:%d: %q: %w", s.file(k), l.line, l.text, l.err))
			case !own && l.err == nil:
				others = append(others, l)
			}
		}
		for _, r := range mine {
			out.Overlaps = append(out.Overlaps, s.overlaps(r, others, k)...)
			if k == subgids {
				out.GIDs = append(out.GIDs, Range{r.first, r.count})
			} else {
				out.UIDs = append(out.UIDs, Range{r.first, r.count})
			}
		}
	}
	return out, nil
}

// overlaps compares a range with those of others, and with the ids of accounts.
func (s source) overlaps(mine idRange, others []subidLine, k kind) []Overlap {
	var out []Overlap
	add := func(with string) { out = append(out, Overlap{Range{mine.first, mine.count}, with, bool(k)}) }
	for _, o := range others {
		if o.ids.first < mine.end() && mine.first < o.ids.end() {
			add(fmt.Sprintf("%s's %s (%s:%d)", o.owner, Range{o.ids.first, o.ids.count}, s.file(k), o.line))
		}
	}
	file, what := s.passwd, "user"
	if k == subgids {
		file, what = s.group, "group"
	}
	f, err := os.Open(file)
	if err != nil {
		return out // no accounts are none
	}
	defer f.Close()
	scan := bufio.NewScanner(f)
	for scan.Scan() {
		fields := strings.Split(scan.Text(), ":")
		if len(fields) < 3 {
			continue
		}
		id, err := strconv.ParseUint(fields[2], 10, 32)
		if err == nil && id >= mine.first && id < mine.end() {
			add(fmt.Sprintf("the %s %q, who has the id %d (%s)", what, fields[0], id, file))
		}
	}
	return out
}

// CheckMappers looks whether newuidmap and newgidmap can do what they are for: they are there, and their files
// give them the privilege. It gives where they are, and for each that cannot an error with what to do.
func CheckMappers() (paths []string, problems []error) {
	for _, m := range []struct{ name, capability string }{{"newuidmap", "cap_setuid"}, {"newgidmap", "cap_setgid"}} {
		path, err := findMapper(m.name)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		paths = append(paths, path)
		if why, hint := system().unprivileged(m.name, path, m.capability); why != "" {
			problems = append(problems, errs.WithHint(errs.Unsupportedf("%s", why), hint))
		}
	}
	return paths, problems
}
