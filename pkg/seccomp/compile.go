package seccomp

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Options say for what container and machine a profile is compiled.
type Options struct {
	// Arch is a GOARCH, amd64 or arm64; empty is this program's.
	Arch string
	// Caps is the container's bounding set, CAP_….
	Caps []string
	// Kernel is the version that minKernel is compared with; zero is the running one.
	Kernel Kernel
}

// withDefaults fills in what this machine says.
func (o Options) withDefaults() Options {
	if o.Arch == "" {
		o.Arch = runtime.GOARCH
	}
	if o.Kernel == (Kernel{}) {
		o.Kernel = runningKernel()
	}
	return o
}

// runningKernel reads uname(2)'s release; zero where it says nothing.
func runningKernel() Kernel {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return Kernel{}
	}
	var k Kernel
	parts := [...]*int{&k.Major, &k.Minor}
	i := 0
	for _, c := range u.Release {
		if c == '.' && i == 0 {
			i++
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		*parts[i] = *parts[i]*10 + int(c-'0')
	}
	return k
}

// Numbers at the edges of the kernel's numbering.
const (
	// lastNumber51 is the last number below 424, where all architectures began to share
	// one numbering (Linux 5.1): above it a larger number is a newer call.
	lastNumber51 = 423
	// lastX32 is the last number that only x32 has (pwritev2).
	lastX32 = x32Bit | 547
	// skipped is what a tracer sets to have a call skipped: -1. Filters may see it.
	skipped = math.MaxUint32
	// armPrivate is where ARM's own calls begin: __ARM_NR_BASE.
	armPrivate = 0x0f0000
)

// A clause is a rule with conditions, for one number.
type clause struct {
	conds   []cond
	verdict Verdict
}

// A cond is one comparison; wide ones look at all 64 bits.
type cond struct {
	Arg
	wide bool
}

// policy is what happens to one number: the clauses one after another, else the verdict.
type policy struct {
	clauses []clause
	verdict Verdict
	// fixed says that the verdict is an unconditional rule's: no clause can join.
	fixed bool
}

// span is a range of numbers with one policy, from a number up to the next span's.
type span struct {
	from   uint32
	policy policy
}

// Compile translates a profile to an array of struct sock_filter in the byte order of the
// architecture, which is little-endian for all that are supported.
func Compile(p *Profile, o Options) ([]byte, error) {
	o = o.withDefaults()
	abis := native(o.Arch)
	if abis == nil {
		return nil, errs.Unsupportedf("seccomp profile %s: architecture %s is unknown", p.Name, o.Arch)
	}
	wanted := p.wanted(abis[0].name)
	var sections []section
	for i, a := range abis {
		if i > 0 && !slices.Contains(wanted, a.name) {
			if a.column == colX32 { // shares its audit number with x86_64
				sections[0].spans = addSpan(sections[0].spans,
					span{x32Bit, policy{verdict: KillThread}}, span{skipped, policy{verdict: p.Default}})
			}
			continue
		}
		spans := p.spans(a, o)
		if len(sections) > 0 && sections[0].audit == a.audit {
			sections[0].spans = addSpan(sections[0].spans, spans...)
			continue
		}
		sections = append(sections, section{a.audit, spans})
	}
	prog, err := assemble(sections)
	if err != nil {
		return nil, fmt.Errorf("seccomp profile %s: %w", p.Name, err)
	}
	return prog, nil
}

// wanted lists the architectures that the profile allows on a machine, besides its own.
func (p *Profile) wanted(machine string) []string {
	for _, m := range p.ArchMap {
		if m.Arch == machine {
			return m.Sub
		}
	}
	return p.Architectures
}

// addSpan appends the spans that begin higher up, replacing what stood at the same number.
func addSpan(spans []span, more ...span) []span {
	for len(spans) > 0 && spans[len(spans)-1].from >= more[0].from {
		spans = spans[:len(spans)-1]
	}
	return append(spans, more...)
}

// spans lays out the numbers of one ABI; the first span begins at 0, or at x32Bit for x32.
func (p *Profile) spans(a abi, o Options) []span {
	policies := p.policies(a, o)
	numbers := make([]uint32, 0, len(policies))
	for nr := range policies {
		numbers = append(numbers, nr)
	}
	slices.Sort(numbers)

	base, unknown := uint32(0), uint32(lastNumber51+1)
	if a.column == colX32 {
		base, unknown = x32Bit, lastX32+1
	}
	for name := range p.names() {
		if nr, ok := number(name, a.column); ok && (a.column != colARM || nr < armPrivate) {
			unknown = max(unknown, nr+1)
		}
	}
	standard := policy{verdict: p.Default}
	spans := []span{{base, standard}}
	put := func(from uint32, pol policy) {
		spans = addSpan(spans, span{from, pol})
	}
	private := len(numbers)
	for i, nr := range numbers {
		if nr >= unknown { // ARM's own, far above
			private = i
			break
		}
		put(nr, *policies[nr])
		put(nr+1, standard)
	}
	if p.Default.isErrno() {
		put(unknown, policy{verdict: Errno(uint16(unix.ENOSYS))})
	}
	if a.column == colARM {
		put(armPrivate, standard)
		for _, nr := range numbers[private:] {
			put(nr, *policies[nr])
			put(nr+1, standard)
		}
	}
	put(skipped, standard)
	return spans
}

// names yields every name of the profile, of rules that do not apply too: all are calls
// that its author knew.
func (p *Profile) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range p.Rules {
			for _, name := range p.Rules[i].Names {
				if !yield(name) {
					return
				}
			}
		}
	}
}

// policies collects what the rules say about each number of one ABI.
func (p *Profile) policies(a abi, o Options) map[uint32]*policy {
	policies := map[uint32]*policy{}
	add := func(name string, c clause) {
		nr, ok := number(name, a.column)
		if !ok || c.verdict == p.Default {
			return
		}
		pol := policies[nr]
		if pol == nil {
			pol = &policy{verdict: p.Default}
			policies[nr] = pol
		}
		switch {
		case pol.fixed:
		case len(c.conds) == 0:
			*pol = policy{verdict: c.verdict, fixed: true}
		default:
			pol.clauses = append(pol.clauses, c)
		}
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		if !r.applies(o) {
			continue
		}
		for _, c := range r.clauses(a.wide) {
			for _, name := range r.Names {
				add(name, c)
				if a.column == col386 {
					addMultiplexed(add, name, c)
				}
			}
		}
	}
	for _, pol := range policies {
		slices.SortStableFunc(pol.clauses, func(x, y clause) int {
			return cmp.Compare(exact(y), exact(x))
		})
	}
	return policies
}

// exact counts the comparisons for equality.
func exact(c clause) int {
	n := 0
	for _, cond := range c.conds {
		if cond.Op == Equal {
			n++
		}
	}
	return n
}

// addMultiplexed adds what a rule means for socketcall(2) and ipc(2).
func addMultiplexed(add func(string, clause), name string, c clause) {
	m, ok := demux(name)
	if !ok || len(c.conds) > 0 && !c.verdict.denies() {
		return
	}
	op := Arg{Index: 0, Op: Equal, Value: m.op}
	if m.via == "ipc" { // the upper half of the first argument is a version
		op = Arg{Index: 0, Op: MaskedEqual, Value: 0xffff, ValueTwo: m.op}
	}
	add(m.via, clause{[]cond{{Arg: op}}, c.verdict})
}

// clauses are the alternatives of a rule: one, or one per condition where an argument
// has several.
func (r *Rule) clauses(wide bool) []clause {
	var conds []cond
	var seen [6]bool
	repeated := false
	for _, a := range r.Args {
		repeated = repeated || seen[a.Index]
		seen[a.Index] = true
		if !wide {
			a.Value, a.ValueTwo = a.Value&math.MaxUint32, a.ValueTwo&math.MaxUint32
		}
		if a.Op == MaskedEqual {
			a.ValueTwo &= a.Value // as libseccomp does
		}
		conds = append(conds, cond{a, wide})
	}
	if !repeated {
		return []clause{{conds, r.Verdict}}
	}
	list := make([]clause, len(conds))
	for i, c := range conds {
		list[i] = clause{[]cond{c}, r.Verdict}
	}
	return list
}
