package oci

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/hook"
	"github.com/rc-containers/rc/pkg/wire"
)

// order is everything that the child is told: the runtime description, checked and
// reduced to what system calls take. A new field belongs in fields, too; a test holds that.
type order struct {
	rootfs      string
	trees       []string // paths that came as descriptors
	readonly    bool     // the root filesystem
	propagation uint64   // MS_* of the container's root, 0 is private
	namespaces  int      // CLONE_NEW* that are new, or joined with inside; NEWCGROUP included
	inside      bool     // the process joins a container that runs, instead of beginning one

	hostname, domainname string
	mounts               []mount
	devices              []device
	files                []File
	masked, readonlys    []string
	sysctls              []sysctl

	terminal   bool
	rows, cols uint32

	user          string
	uid, gid      uint32
	groups        []uint32
	groupAdd      []string
	umask         int // -1 keeps
	rlimits       []rlimit
	oomScoreAdj   int
	setOOM        bool
	bounding      uint64
	inheritable   uint64
	ambient       uint64
	noNewPrivs    bool
	seccomp       []byte
	dieWithParent bool

	cwd       string
	args, env []string
	reaper    bool
	preserve  int // descriptors from 3 on that stay open

	persona    uint32 // execution domain of personality(2)
	setPersona bool

	hooks      hook.Set
	awaitHooks bool // the parent has some to run first
}

type sysctl struct{ key, value string }

type rlimit struct {
	resource   int
	soft, hard uint64
}

// device is a node of the host that the container gets by a bind mount.
type device struct{ source, path string }

func (o *order) fields(c *wire.Coder) {
	c.Text(&o.rootfs)
	wire.List(c, &o.trees, (*wire.Coder).Text)
	c.Flag(&o.readonly)
	wire.Number(c, &o.propagation)
	wire.Number(c, &o.namespaces)
	c.Flag(&o.inside)
	c.Text(&o.hostname)
	c.Text(&o.domainname)
	wire.List(c, &o.mounts, func(c *wire.Coder, m *mount) { m.fields(c) })
	wire.List(c, &o.devices, func(c *wire.Coder, d *device) { c.Text(&d.source); c.Text(&d.path) })
	wire.List(c, &o.files, func(c *wire.Coder, f *File) { f.fields(c) })
	wire.List(c, &o.masked, (*wire.Coder).Text)
	wire.List(c, &o.readonlys, (*wire.Coder).Text)
	wire.List(c, &o.sysctls, func(c *wire.Coder, s *sysctl) { c.Text(&s.key); c.Text(&s.value) })
	c.Flag(&o.terminal)
	wire.Number(c, &o.rows)
	wire.Number(c, &o.cols)
	c.Text(&o.user)
	wire.Number(c, &o.uid)
	wire.Number(c, &o.gid)
	wire.List(c, &o.groups, wire.Number[uint32])
	wire.List(c, &o.groupAdd, (*wire.Coder).Text)
	wire.Number(c, &o.umask)
	wire.List(c, &o.rlimits, func(c *wire.Coder, r *rlimit) {
		wire.Number(c, &r.resource)
		wire.Number(c, &r.soft)
		wire.Number(c, &r.hard)
	})
	wire.Number(c, &o.oomScoreAdj)
	c.Flag(&o.setOOM)
	wire.Number(c, &o.bounding)
	wire.Number(c, &o.inheritable)
	wire.Number(c, &o.ambient)
	c.Flag(&o.noNewPrivs)
	c.Block(&o.seccomp)
	c.Flag(&o.dieWithParent)
	c.Text(&o.cwd)
	wire.List(c, &o.args, (*wire.Coder).Text)
	wire.List(c, &o.env, (*wire.Coder).Text)
	c.Flag(&o.reaper)
	wire.Number(c, &o.preserve)
	o.hooks.Fields(c)
	c.Flag(&o.awaitHooks)
	if c.More() { // an exec meets shims that were started before an update of rc
		wire.Number(c, &o.persona)
		c.Flag(&o.setPersona)
	}
}

// Order is what a process is told to set up and to become. It is data: whoever makes it
// need not be who forks the process.
type Order struct{ o order }

// NewOrder checks cfg and says what the child has to do. Everything that can be refused
// without trying is refused here, before a process exists. The files in cfg are only
// counted, not used.
func NewOrder(cfg *Config) (*Order, error) {
	o, err := newOrder(cfg)
	if err != nil {
		return nil, err
	}
	return &Order{*o}, nil
}

// SetSeccomp is for a filter that was not at hand when the order was made.
func (o *Order) SetSeccomp(filter []byte) error {
	if len(filter)%filterSize != 0 {
		return errFilter(filter)
	}
	o.o.seccomp = filter
	return nil
}

// Flags are the new namespaces, for Birth; none for a process that joins.
func (o *Order) Flags() uintptr {
	if o.o.inside {
		return 0
	}
	return uintptr(o.o.namespaces &^ unix.CLONE_NEWCGROUP)
}

// Encode makes bytes of the order; a memfd of them is what Tell takes.
func (o *Order) Encode() []byte {
	c := wire.NewWriter(make([]byte, 0, len(o.o.seccomp)+16<<10))
	o.o.fields(c)
	return c.Bytes()
}

const filterSize = 8 // struct sock_filter

func errFilter(filter []byte) error {
	return fmt.Errorf("seccomp filter: %d bytes, want a multiple of %d: %w", len(filter), filterSize, errs.ErrInvalid)
}

func newOrder(cfg *Config) (*order, error) {
	spec := cfg.Spec
	if err := supported(cfg); err != nil {
		return nil, err
	}
	p := spec.Process
	o := &order{
		rootfs:        cfg.Rootfs,
		trees:         cfg.Trees,
		readonly:      spec.Root != nil && spec.Root.Readonly,
		hostname:      spec.Hostname,
		domainname:    spec.Domainname,
		terminal:      p.Terminal,
		user:          p.User.Username,
		uid:           p.User.UID,
		gid:           p.User.GID,
		groups:        p.User.AdditionalGids,
		groupAdd:      cfg.GroupAdd,
		umask:         -1,
		noNewPrivs:    p.NoNewPrivileges,
		seccomp:       cfg.Seccomp,
		dieWithParent: cfg.DieWithParent,
		cwd:           p.Cwd,
		args:          p.Args,
		env:           p.Env,
		reaper:        cfg.Init,
		preserve:      len(cfg.ExtraFiles),
		inside:        cfg.Inside,
	}
	if p.ConsoleSize != nil {
		o.rows, o.cols = uint32(p.ConsoleSize.Height), uint32(p.ConsoleSize.Width)
	}
	if p.User.Umask != nil {
		o.umask = int(*p.User.Umask)
	}
	if p.OOMScoreAdj != nil {
		o.oomScoreAdj, o.setOOM = *p.OOMScoreAdj, true
	}
	if err := o.addCapabilities(p.Capabilities); err != nil {
		return nil, err
	}
	if err := o.addRlimits(p.Rlimits); err != nil {
		return nil, err
	}
	if err := o.addPersonality(spec.Linux); err != nil {
		return nil, err
	}
	if cfg.Inside {
		return o, o.addNamespaces(spec.Linux)
	}
	o.addHooks(cfg.Hooks)
	for _, m := range spec.Mounts {
		parsed, err := parseMount(&m)
		if err != nil {
			return nil, err
		}
		o.mounts = append(o.mounts, parsed)
	}
	return o, o.addLinux(spec.Linux)
}

func (o *order) addLinux(l *specs.Linux) error {
	if l == nil {
		l = &specs.Linux{}
	}
	if err := o.addNamespaces(l); err != nil {
		return err
	}
	if o.namespaces&unix.CLONE_NEWNS == 0 {
		return fmt.Errorf("start container: without a mount namespace of its own: %w", errs.ErrUnsupported)
	}
	if o.namespaces&unix.CLONE_NEWUTS == 0 && (o.hostname != "" || o.domainname != "") {
		return fmt.Errorf("hostname %q: the container shares the host's: %w", o.hostname, errs.ErrInvalid)
	}
	o.masked, o.readonlys = l.MaskedPaths, l.ReadonlyPaths
	for i := range l.Devices {
		d := &l.Devices[i]
		source := d.Path
		if !strings.HasPrefix(d.Path, "/") {
			return fmt.Errorf("device %q: not an absolute path: %w", d.Path, errs.ErrInvalid)
		}
		o.devices = append(o.devices, device{source: source, path: d.Path})
	}
	var err error
	if o.propagation, err = rootPropagation(l.RootfsPropagation); err != nil {
		return err
	}
	o.sysctls, err = sysctls(l.Sysctl, o.namespaces)
	return err
}

// addNamespaces notes which namespaces are the container's own.
func (o *order) addNamespaces(l *specs.Linux) error {
	if l == nil {
		return nil
	}
	for _, ns := range l.Namespaces {
		flag, err := namespaceFlag(ns.Type)
		if err != nil {
			return err
		}
		if ns.Path == "" {
			o.namespaces |= flag
		}
	}
	return nil
}

// supported refuses what this package cannot do, instead of leaving it out silently.
func supported(cfg *Config) error {
	spec := cfg.Spec
	refuse := func(what string) error { return fmt.Errorf("%s: %w", what, errs.ErrUnsupported) }
	switch {
	case spec == nil || spec.Process == nil:
		return fmt.Errorf("start container: no process is described: %w", errs.ErrInvalid)
	case len(spec.Process.Args) == 0 || spec.Process.Args[0] == "":
		return fmt.Errorf("start container: no command: %w", errs.ErrInvalid)
	case !strings.HasPrefix(cfg.Rootfs, "/"):
		return fmt.Errorf("start container: root filesystem %q is not an absolute path: %w", cfg.Rootfs, errs.ErrInvalid)
	case spec.Process.Cwd != "" && spec.Process.Cwd[0] != '/':
		return fmt.Errorf("working directory %q: not an absolute path: %w", spec.Process.Cwd, errs.ErrInvalid)
	case len(cfg.Seccomp)%filterSize != 0:
		return errFilter(cfg.Seccomp)
	case len(cfg.GroupAdd) > 1 && slices.Contains(cfg.GroupAdd, KeepGroups):
		return fmt.Errorf("additional group %q: excludes every other: %w", KeepGroups, errs.ErrInvalid)
	case spec.Hooks != nil && cfg.Hooks == nil:
		return refuse("hooks without a bundle")
	case spec.Process.ApparmorProfile != "":
		return refuse("AppArmor profile")
	case spec.Process.SelinuxLabel != "":
		return refuse("SELinux label")
	case spec.Process.Scheduler != nil:
		return refuse("scheduler attributes")
	case spec.Process.IOPriority != nil:
		return refuse("I/O priority")
	}
	if l := spec.Linux; l != nil {
		switch {
		case l.Seccomp != nil:
			return refuse("seccomp profile in the runtime description (it is compiled by the caller)")
		case l.IntelRdt != nil:
			return refuse("Intel RDT")
		case l.MemoryPolicy != nil:
			return refuse("memory policy")
		case len(l.NetDevices) > 0:
			return refuse("network devices")
		case len(l.TimeOffsets) > 0:
			return refuse("time offsets")
		case l.MountLabel != "":
			return refuse("mount label")
		}
	}
	return nil
}

// namespaceFlag is the CLONE_NEW* of an OCI namespace type.
func namespaceFlag(t specs.LinuxNamespaceType) (int, error) {
	switch t {
	case specs.MountNamespace:
		return unix.CLONE_NEWNS, nil
	case specs.PIDNamespace:
		return unix.CLONE_NEWPID, nil
	case specs.NetworkNamespace:
		return unix.CLONE_NEWNET, nil
	case specs.IPCNamespace:
		return unix.CLONE_NEWIPC, nil
	case specs.UTSNamespace:
		return unix.CLONE_NEWUTS, nil
	case specs.CgroupNamespace:
		return unix.CLONE_NEWCGROUP, nil
	case specs.UserNamespace:
		return unix.CLONE_NEWUSER, nil
	}
	return 0, fmt.Errorf("namespace %q: %w", t, errs.ErrUnsupported)
}

// rootPropagation is the propagation of the container's root mount: mount_namespaces(7).
func rootPropagation(name string) (uint64, error) {
	switch name {
	case "", "private", "rprivate":
		return unix.MS_PRIVATE, nil
	case "slave", "rslave":
		return unix.MS_SLAVE, nil
	case "shared", "rshared":
		return unix.MS_SHARED, nil
	case "unbindable", "runbindable":
		return unix.MS_UNBINDABLE, nil
	}
	return 0, fmt.Errorf("propagation of the root filesystem %q: want private, slave, shared or unbindable: %w", name, errs.ErrInvalid)
}

// addCapabilities turns names into bits. Effective and Permitted say nothing that the
// kernel would keep over execve (capabilities(7)), so they are only checked.
func (o *order) addCapabilities(c *specs.LinuxCapabilities) error {
	if c == nil {
		return nil
	}
	var ignored uint64
	for _, set := range []struct {
		names []string
		bits  *uint64
	}{
		{c.Bounding, &o.bounding},
		{c.Inheritable, &o.inheritable},
		{c.Ambient, &o.ambient},
		{c.Effective, &ignored},
		{c.Permitted, &ignored},
	} {
		for _, name := range set.names {
			full, err := ParseCapability(name)
			if err != nil {
				return err
			}
			*set.bits |= 1 << slices.Index(capabilityNames(), full)
		}
	}
	if extra := (o.ambient | o.inheritable) &^ o.bounding; extra != 0 {
		return fmt.Errorf("capabilities %v: ambient or inheritable, but not in the bounding set: %w", capabilitiesOf(extra), errs.ErrInvalid)
	}
	return nil
}
