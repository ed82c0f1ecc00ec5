package oci

import (
	"context"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// Start is Fork and Tell in one: it makes the process and tells it what to set up. It does not wait for that: the
// process's namespaces exist and can be configured, while Ready waits for the rest and Run
// lets it go. The caller, a test, ends with Wait, or Kill and Wait, and then Close.
func Start(ctx context.Context, cfg Config) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	order, err := NewOrder(&cfg)
	if err != nil {
		return nil, err
	}
	memfd, err := linux.SealedMemfd("order", order.Encode())
	if err != nil {
		return nil, err
	}
	defer memfd.Close()
	p, err := Fork(cfg.birth())
	if err != nil {
		return nil, err
	}
	if err := p.Tell(memfd, nil); err != nil {
		_ = p.Kill()
		_, _ = p.Wait()
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// birth must not be called before NewOrder has checked the configuration.
func (cfg *Config) birth() Birth {
	b := Birth{
		Flags: cloneFlags(cfg.Spec.Linux), Cgroup: cfg.Cgroup, ExtraFiles: cfg.ExtraFiles,
		DieWithParent: cfg.DieWithParent, Exe: cfg.Exe,
	}
	if !cfg.Spec.Process.Terminal {
		b.Stdin, b.Stdout, b.Stderr = cfg.Stdin, cfg.Stdout, cfg.Stderr
	}
	if l := cfg.Spec.Linux; l != nil {
		b.UIDs, b.GIDs = l.UIDMappings, l.GIDMappings
		for _, ns := range l.Namespaces {
			if ns.Path != "" {
				b.Join = append(b.Join, ns)
			}
		}
	}
	return b
}

// cloneFlags are the namespaces that clone(2) makes. The child unshares its cgroup
// namespace itself: only where it was born in its cgroup is that the namespace's root.
func cloneFlags(l *specs.Linux) uintptr {
	if l == nil {
		return 0
	}
	var flags uintptr
	for _, ns := range l.Namespaces {
		flag, err := namespaceFlag(ns.Type)
		if err == nil && ns.Path == "" && flag != unix.CLONE_NEWCGROUP {
			flags |= uintptr(flag)
		}
	}
	return flags
}
