package seccomp

import (
	"fmt"

	moby "github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Default is docker's default profile (github.com/moby/profiles/seccomp).
func Default() (*Profile, error) {
	p, err := fromMoby(moby.DefaultProfile())
	if err != nil {
		return nil, fmt.Errorf("seccomp profile default: %w", err)
	}
	p.Name = "default"
	return p, nil
}

// fromMoby says in our types what docker's say.
func fromMoby(m *moby.Seccomp) (*Profile, error) {
	v, err := verdict(string(m.DefaultAction), widen(m.DefaultErrnoRet))
	if err != nil {
		return nil, err
	}
	p := &Profile{Default: v}
	for _, a := range m.Architectures {
		p.Architectures = append(p.Architectures, string(a))
	}
	for _, a := range m.ArchMap {
		to := ArchMap{Arch: string(a.Arch)}
		for _, sub := range a.SubArches {
			to.Sub = append(to.Sub, string(sub))
		}
		p.ArchMap = append(p.ArchMap, to)
	}
	for _, s := range m.Syscalls {
		r, err := ruleFromMoby(s)
		if err != nil {
			return nil, err
		}
		p.Rules = append(p.Rules, r)
	}
	return p, nil
}

func ruleFromMoby(s *moby.Syscall) (Rule, error) {
	r := Rule{Names: s.Names, Includes: filterFromMoby(s.Includes), Excludes: filterFromMoby(s.Excludes)}
	var err error
	if r.Verdict, err = verdict(string(s.Action), widen(s.ErrnoRet)); err != nil {
		return r, err
	}
	for _, a := range s.Args {
		op, err := opFromSpec(a.Op)
		if err != nil {
			return r, err
		}
		r.Args = append(r.Args, Arg{Index: int(a.Index), Op: op, Value: a.Value, ValueTwo: a.ValueTwo})
	}
	return r, nil
}

func opFromSpec(name specs.LinuxSeccompOperator) (Op, error) {
	for op, n := range opNames {
		if op > 0 && n == string(name) {
			return Op(op), nil
		}
	}
	return 0, fmt.Errorf("unknown operator %q", name)
}

func filterFromMoby(f *moby.Filter) Filter {
	if f == nil {
		return Filter{}
	}
	to := Filter{Caps: f.Caps, Arches: f.Arches}
	if f.MinKernel != nil {
		to.MinKernel = Kernel{int(f.MinKernel.Kernel), int(f.MinKernel.Major)}
	}
	return to
}

func widen(n *uint) *uint64 {
	if n == nil {
		return nil
	}
	wide := uint64(*n)
	return &wide
}
