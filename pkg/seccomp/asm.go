package seccomp

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sys/unix"
)

// Offsets into struct seccomp_data (linux/seccomp.h).
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// maxInstructions is BPF_MAXINSNS of linux/bpf_common.h.
const maxInstructions = 4096

// section is the program for one value of seccomp_data.arch.
type section struct {
	audit uint32
	spans []span
}

// instruction is struct sock_filter of linux/filter.h.
type instruction struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

// A label is a place in the program, counted from its end.
type label int

// An assembler writes a program from its end to its beginning: jumps only go forward, so
// every target is known when the jump is written.
type assembler struct {
	rev []instruction // the last instruction first
	// ret is where each verdict was written last: jumps share it as long as they reach it.
	ret map[Verdict]label
}

// assemble makes a program out of sections: ask for the architecture, then for the number.
func assemble(sections []section) ([]byte, error) {
	a := &assembler{ret: map[Verdict]label{}}
	next := a.verdict(KillThread) // libseccomp's answer to a foreign architecture
	for _, s := range slices.Backward(sections) {
		spans := merge(s.spans)
		tree := a.tree(spans)
		next = a.jump(unix.BPF_JEQ, s.audit, a.load(offNumber, tree), next)
	}
	a.load(offArch, next)
	if len(a.rev) > maxInstructions {
		return nil, fmt.Errorf("%d instructions, but the kernel takes %d: use fewer rules with conditions",
			len(a.rev), maxInstructions)
	}
	out := make([]byte, 0, 8*len(a.rev))
	for _, in := range slices.Backward(a.rev) {
		out = binary.LittleEndian.AppendUint16(out, in.code)
		out = append(out, in.jt, in.jf)
		out = binary.LittleEndian.AppendUint32(out, in.k)
	}
	return out, nil
}

// merge joins neighbours with the same plain verdict.
func merge(spans []span) []span {
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && len(s.policy.clauses) == 0 && len(out[n-1].policy.clauses) == 0 &&
			out[n-1].policy.verdict == s.policy.verdict {
			continue
		}
		out = append(out, s)
	}
	return out
}

// emit writes an instruction before all others and returns its place.
func (a *assembler) emit(in instruction) label {
	a.rev = append(a.rev, in)
	return label(len(a.rev) - 1)
}

// distance is how many instructions the next one to be written must skip to reach a place.
func (a *assembler) distance(to label) int { return len(a.rev) - 1 - int(to) }

// load writes a load of 32 bits into A that goes on at a place.
func (a *assembler) load(off uint32, then label) label {
	a.joint(then)
	return a.emit(instruction{code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, k: off})
}

// joint lets the next instruction to be written run on into a place.
func (a *assembler) joint(to label) {
	if a.distance(to) > 0 {
		a.emit(instruction{code: unix.BPF_JMP | unix.BPF_JA, k: uint32(a.distance(to))})
	}
}

// near makes a place reachable from a conditional jump that will be written after at most
// two further instructions: the distances of conditional jumps have 8 bits.
func (a *assembler) near(to label) label {
	if a.distance(to)+2 <= math.MaxUint8 {
		return to
	}
	if in := a.rev[to]; in.code == unix.BPF_RET|unix.BPF_K {
		return a.verdict(Verdict(in.k))
	}
	return a.emit(instruction{code: unix.BPF_JMP | unix.BPF_JA, k: uint32(a.distance(to))})
}

// jump writes a conditional jump on A; op is a BPF_J….
func (a *assembler) jump(op uint16, k uint32, yes, no label) label {
	if yes == no {
		return yes
	}
	yes = a.near(yes)
	no = a.near(no)
	return a.emit(instruction{
		code: unix.BPF_JMP | op | unix.BPF_K, k: k,
		jt: uint8(a.distance(yes)), jf: uint8(a.distance(no)),
	})
}

// verdict is a place that returns a verdict, written anew where the last is out of reach.
func (a *assembler) verdict(v Verdict) label {
	if l, ok := a.ret[v]; ok && a.distance(l)+2 <= math.MaxUint8 {
		return l
	}
	l := a.emit(instruction{code: unix.BPF_RET | unix.BPF_K, k: uint32(v)})
	a.ret[v] = l
	return l
}

// tree writes the search for the number in A.
func (a *assembler) tree(spans []span) label {
	if len(spans) == 1 {
		return a.policy(spans[0].policy)
	}
	mid := len(spans) / 2
	high := a.tree(spans[mid:])
	low := a.tree(spans[:mid])
	return a.jump(unix.BPF_JGE, spans[mid].from, high, low)
}

// policy writes the clauses, the last first.
func (a *assembler) policy(p policy) label {
	next := a.verdict(p.verdict)
	for _, c := range slices.Backward(p.clauses) {
		then := a.verdict(c.verdict)
		for _, cond := range slices.Backward(c.conds) {
			then = a.cond(cond, then, next)
		}
		next = then
	}
	return next
}

// cond writes one comparison, of the upper half first where it is wide.
func (a *assembler) cond(c cond, yes, no label) label {
	low := offArgs + 8*uint32(c.Index) // little-endian
	v, mask := c.Value, uint64(math.MaxUint64)
	if c.Op == MaskedEqual {
		v, mask = c.ValueTwo, c.Value
	}
	place := a.compare(c.Op, low, uint32(mask), uint32(v), yes, no)
	if !c.wide {
		return place
	}
	high := uint32(v >> 32)
	switch c.Op {
	case NotEqual:
		return a.compare(NotEqual, low+4, math.MaxUint32, high, yes, place)
	case LessThan, LessEqual:
		return a.halves(low+4, high, no, yes, place)
	case GreaterThan, GreaterEqual:
		return a.halves(low+4, high, yes, no, place)
	}
	return a.compare(c.Op, low+4, uint32(mask>>32), high, place, no)
}

// halves compares an upper half: above, below, or equal.
func (a *assembler) halves(off, k uint32, above, below, equal label) label {
	rest := a.jump(unix.BPF_JEQ, k, equal, below)
	return a.load(off, a.jump(unix.BPF_JGT, k, above, rest))
}

// compare compares one half of an argument.
func (a *assembler) compare(op Op, off, mask, k uint32, yes, no label) label {
	var test label
	switch op {
	case NotEqual:
		test = a.jump(unix.BPF_JEQ, k, no, yes)
	case LessThan:
		test = a.jump(unix.BPF_JGE, k, no, yes)
	case LessEqual:
		test = a.jump(unix.BPF_JGT, k, no, yes)
	case GreaterEqual:
		test = a.jump(unix.BPF_JGE, k, yes, no)
	case GreaterThan:
		test = a.jump(unix.BPF_JGT, k, yes, no)
	default: // Equal, MaskedEqual
		if mask == 0 {
			return yes // nothing of this half is asked for
		}
		test = a.jump(unix.BPF_JEQ, k, yes, no)
	}
	if mask != math.MaxUint32 {
		a.joint(test)
		test = a.emit(instruction{code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, k: mask})
	}
	return a.load(off, test)
}
