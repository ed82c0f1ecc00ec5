package seccomp

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A call is what a filter sees of a system call.
type call struct {
	arch uint32
	nr   uint32
	args [6]uint64
}

// vm loads a program into golang.org/x/net/bpf's interpreter.
func vm(t testing.TB, prog []byte) *bpf.VM {
	t.Helper()
	if len(prog) == 0 || len(prog)%8 != 0 {
		t.Fatalf("program of %d bytes", len(prog))
	}
	var insns []bpf.Instruction
	for p := prog; len(p) > 0; p = p[8:] {
		raw := bpf.RawInstruction{
			Op: binary.LittleEndian.Uint16(p), Jt: p[2], Jf: p[3], K: binary.LittleEndian.Uint32(p[4:]),
		}
		in := raw.Disassemble()
		if _, unknown := in.(bpf.RawInstruction); unknown {
			t.Fatalf("instruction %d is not understood: %+v", len(insns), raw)
		}
		insns = append(insns, in)
	}
	v, err := bpf.NewVM(insns)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// run asks a program about a call. The interpreter loads words in network byte order,
// the kernel seccomp_data's in its own: each word is stored so that it reads back whole.
func run(t testing.TB, v *bpf.VM, c call) Verdict {
	t.Helper()
	var data [64]byte
	binary.BigEndian.PutUint32(data[0:], c.nr)
	binary.BigEndian.PutUint32(data[4:], c.arch)
	for i, a := range c.args {
		binary.BigEndian.PutUint32(data[16+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[20+8*i:], uint32(a>>32))
	}
	n, err := v.Run(data[:])
	if err != nil {
		t.Fatal(err)
	}
	return Verdict(uint32(n))
}

// namesOf are the names of each number of each column.
var namesOf = sync.OnceValue(func() (all [columns]map[uint32]map[string]bool) {
	for column := range all {
		all[column] = map[uint32]map[string]bool{}
		for _, row := range table {
			if row.nr[column] < 0 {
				continue
			}
			nr := uint32(row.nr[column])
			if all[column][nr] == nil {
				all[column][nr] = map[string]bool{}
			}
			all[column][nr][row.name] = true
		}
	}
	return all
})

// reference says what a profile means, as straightforwardly as can be, by names.
func reference(p *Profile, o Options, c call) Verdict {
	o = o.withDefaults()
	abis := native(o.Arch)
	allowed := p.Architectures
	for _, m := range p.ArchMap {
		if m.Arch == abis[0].name {
			allowed = m.Sub
			break
		}
	}
	var a abi
	switch {
	case c.arch == auditAMD64 && o.Arch == "amd64" && c.nr >= x32Bit && c.nr != skipped:
		a = abis[1]
	case c.arch == auditAMD64 && o.Arch == "amd64", c.arch == auditARM64 && o.Arch == "arm64":
		a = abis[0]
	case c.arch == audit386 && o.Arch == "amd64":
		a = abis[2]
	case c.arch == auditARM && o.Arch == "arm64":
		a = abis[1]
	default:
		return KillThread
	}
	if a.name != abis[0].name && !slices.Contains(allowed, a.name) {
		return KillThread
	}
	if c.nr == skipped {
		return p.Default
	}

	names := namesOf()[a.column][c.nr]
	known := uint32(lastNumber51)
	if a.column == colX32 {
		known = lastX32
	}
	for _, r := range p.Rules {
		for _, n := range r.Names {
			if nr, ok := number(n, a.column); ok && (a.column != colARM || nr < armPrivate) {
				known = max(known, nr)
			}
		}
	}
	private := a.column == colARM && c.nr >= armPrivate
	if c.nr > known && !private && p.Default.isErrno() {
		return Errno(uint16(unix.ENOSYS))
	}

	best, bestExact := p.Default, -1
	for _, r := range p.Rules {
		if r.Verdict == p.Default || !r.applies(o) {
			continue
		}
		for _, n := range r.Names {
			if names[n] && len(r.Args) == 0 {
				return r.Verdict
			}
		}
	}
	consider := func(v Verdict, exact int, holds bool) {
		if holds && exact > bestExact {
			best, bestExact = v, exact
		}
	}
	for _, r := range p.Rules {
		if r.Verdict == p.Default || !r.applies(o) {
			continue
		}
		for _, n := range r.Names {
			if names[n] && len(r.Args) > 0 {
				referenceArgs(r, a.wide, c, consider)
			}
			if a.column != col386 || len(r.Args) > 0 && !r.Verdict.denies() {
				continue
			}
			for _, m := range multiplexedCalls {
				if m.name == n && names[m.via] {
					op := c.args[0] & 0xffffffff
					if m.via == "ipc" {
						consider(r.Verdict, 0, op&0xffff == m.op)
					} else {
						consider(r.Verdict, 1, op == m.op)
					}
				}
			}
		}
	}
	return best
}

func referenceArgs(r Rule, wide bool, c call, consider func(Verdict, int, bool)) {
	count := map[int]int{}
	repeated := false
	for _, a := range r.Args {
		count[a.Index]++
		repeated = repeated || count[a.Index] > 1
	}
	all, exact := true, 0
	for _, a := range r.Args {
		holds := referenceCompare(a, wide, c.args[a.Index])
		e := 0
		if a.Op == Equal {
			e = 1
		}
		if repeated {
			consider(r.Verdict, e, holds)
			continue
		}
		all = all && holds
		exact += e
	}
	if !repeated {
		consider(r.Verdict, exact, all)
	}
}

func referenceCompare(a Arg, wide bool, x uint64) bool {
	v, two := a.Value, a.ValueTwo
	if !wide {
		x, v, two = x&math.MaxUint32, v&math.MaxUint32, two&math.MaxUint32
	}
	switch a.Op {
	case NotEqual:
		return x != v
	case LessThan:
		return x < v
	case LessEqual:
		return x <= v
	case Equal:
		return x == v
	case GreaterEqual:
		return x >= v
	case GreaterThan:
		return x > v
	case MaskedEqual:
		return x&v == two&v
	}
	panic("operator")
}

// interesting lists argument values at the edges of what a profile compares with.
func interesting(p *Profile) []uint64 {
	set := map[uint64]bool{0: true, 1: true, math.MaxUint32: true, 1 << 32: true, math.MaxUint64: true}
	for _, r := range p.Rules {
		for _, a := range r.Args {
			for _, v := range []uint64{a.Value, a.ValueTwo} {
				for _, w := range []uint64{v - 1, v, v + 1, v ^ 1<<32, v | 0xffff<<32, v ^ 1<<31} {
					set[w] = true
				}
			}
		}
	}
	list := make([]uint64, 0, len(set))
	for v := range set {
		list = append(list, v)
	}
	slices.Sort(list)
	return list
}

// numbers lists every number of an ABI, those beside them, and some far away.
func numbers(a abi) []uint32 {
	set := map[uint32]bool{
		0: true, 423: true, 424: true, 600: true, 4000: true, x32Bit - 1: true, x32Bit: true,
		lastX32: true, lastX32 + 1: true, x32Bit + 1000: true, skipped: true, skipped - 1: true,
		armPrivate: true, armPrivate - 1: true, armPrivate + 100: true, 1 << 31: true,
	}
	for _, row := range table {
		if row.nr[a.column] >= 0 {
			nr := uint32(row.nr[a.column])
			set[nr], set[nr+1] = true, true
		}
	}
	list := make([]uint32, 0, len(set))
	for nr := range set {
		list = append(list, nr)
	}
	slices.Sort(list)
	return list
}

// conditional are the numbers whose verdict may depend on arguments.
func (p *Profile) conditional(a abi) map[uint32]bool {
	set := map[uint32]bool{}
	mark := func(name string) {
		if nr, ok := number(name, a.column); ok {
			set[nr] = true
		}
	}
	mark("socketcall")
	mark("ipc")
	for _, r := range p.Rules {
		if len(r.Args) > 0 {
			for _, name := range r.Names {
				mark(name)
			}
		}
	}
	return set
}
