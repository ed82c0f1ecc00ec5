package processes

import (
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// A descriptor is a column of rc top: those of podman-top(1), and ps(1)'s codes for them.
type descriptor struct {
	name, code, heading string
	value               func(*view, *Process) string
}

// DefaultDescriptors are podman's.
func DefaultDescriptors() []string {
	return []string{"user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args"}
}

// Descriptors are the names of all.
func Descriptors() []string {
	var names []string
	for _, d := range descriptors() {
		names = append(names, d.name)
	}
	return names
}

func descriptors() []descriptor {
	return []descriptor{
		{"args", "%a", "COMMAND", (*view).args},
		{"capamb", "", "AMBIENT CAPS", capabilities("CapAmb")},
		{"capbnd", "", "BOUNDING CAPS", capabilities("CapBnd")},
		{"capeff", "", "EFFECTIVE CAPS", capabilities("CapEff")},
		{"capinh", "", "INHERITED CAPS", capabilities("CapInh")},
		{"capprm", "", "PERMITTED CAPS", capabilities("CapPrm")},
		{"comm", "%c", "COMMAND", func(_ *view, p *Process) string { return p.Comm }},
		{"etime", "%t", "ELAPSED", func(v *view, p *Process) string { return v.elapsed(p).String() }},
		{"gid", "", "GID", func(v *view, p *Process) string { return v.id(v.gids, p.numbers("Gid"), effective) }},
		{"group", "%G", "GROUP", func(v *view, p *Process) string { return v.group(p.numbers("Gid"), effective) }},
		{"groups", "", "GROUPS", (*view).groupNames},
		{"hgroup", "", "HGROUP", func(v *view, p *Process) string { return v.hostName(v.hostGroups, p.numbers("Gid")) }},
		{"hgroups", "", "HGROUPS", (*view).hostGroupNames},
		{"hpid", "", "HPID", func(_ *view, p *Process) string { return itoa(p.PID) }},
		{"huid", "", "HUID", func(_ *view, p *Process) string { return nth(p.numbers("Uid"), effective) }},
		{"huser", "", "HUSER", func(v *view, p *Process) string { return v.hostName(v.hostUsers, p.numbers("Uid")) }},
		{"label", "", "LABEL", (*view).label},
		{"nice", "%n", "NI", func(_ *view, p *Process) string { return itoa(p.Nice) }},
		{"pcpu", "%C", "%CPU", (*view).percent},
		{"pgid", "%r", "PGID", func(v *view, p *Process) string { return v.pidOf(p.PGID) }},
		{"pid", "%p", "PID", func(v *view, p *Process) string { return v.pid(p) }},
		{"ppid", "%P", "PPID", func(v *view, p *Process) string { return v.pidOf(p.PPID) }},
		{"rgroup", "%g", "RGROUP", func(v *view, p *Process) string { return v.group(p.numbers("Gid"), realID) }},
		{"rss", "", "RSS", (*view).resident},
		{"ruser", "%u", "RUSER", func(v *view, p *Process) string { return v.user(p.numbers("Uid"), realID) }},
		{"seccomp", "", "SECCOMP", seccompMode},
		{"state", "", "STATE", func(_ *view, p *Process) string { return p.State }},
		{"stime", "", "STIME", (*view).started},
		{"time", "%x", "TIME", func(v *view, p *Process) string { return v.used(p).String() }},
		{"tty", "%y", "TTY", func(_ *view, p *Process) string { return terminal(p.TTY) }},
		{"uid", "", "UID", func(v *view, p *Process) string { return v.id(v.uids, p.numbers("Uid"), effective) }},
		{"user", "%U", "USER", func(v *view, p *Process) string { return v.user(p.numbers("Uid"), effective) }},
		{"vsz", "%z", "VSZ", func(_ *view, p *Process) string { return utoa(p.VSize >> 10) }},
	}
}

// choose finds descriptors by name or code; words may hold several, with commas between them.
func choose(words []string) ([]descriptor, error) {
	if len(words) == 0 {
		words = DefaultDescriptors()
	}
	all := descriptors()
	var chosen []descriptor
	for _, word := range words {
		for name := range strings.SplitSeq(word, ",") {
			name = strings.TrimSpace(name)
			i := slices.IndexFunc(all, func(d descriptor) bool { return d.name == name || name != "" && d.code == name })
			if i < 0 {
				return nil, errs.WithHint(errs.Invalidf("descriptor %q: want one of %s%s", name, strings.Join(Descriptors(), ", "), spec.Meant(name, Descriptors())),
					"rc top CONTAINER -ef, or other arguments of ps(1) that begin with a dash")
			}
			chosen = append(chosen, all[i])
		}
	}
	return chosen, nil
}

// CheckDescriptors refuses descriptors that Top does not know.
func CheckDescriptors(words []string) error {
	_, err := choose(words)
	return err
}
