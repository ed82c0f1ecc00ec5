package create

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// Defaults where neither flags nor containers.conf say anything.
const (
	DefaultStopTimeout = 10 // seconds, docker's and podman's
	defaultUmask       = 0o022
	defaultStopSignal  = "TERM"
)

// keepGroupsAnnotation is crun's word for --group-add keep-groups, which distrobox and toolbox use.
const keepGroupsAnnotation = "run.oci.keep_original_groups"

// draft is a container on its way; its parts fill c from the three inputs.
type draft struct {
	opts  *Options
	image *Image
	env   *Environment
	c     *spec.Container

	overlays int  // that have a directory
	noShm    bool // --ipc none
	// systemdPID1 says that the command is systemd.
	systemdPID1 bool
}

// Container makes the description of a container out of what the user asked for, the image
// and the surroundings. It is a function of its arguments: the errors are about them
// (errs.ErrInvalid, errs.ErrUnsupported), and nothing has been changed when it returns.
func Container(opts Options, image Image, env Environment) (*spec.Container, error) {
	cfg := env.Config
	d := &draft{opts: &opts, image: &image, env: &env, c: &spec.Container{
		ID: env.ID, Name: env.Name, Created: env.Created,
		Image: image.Image, Rootfs: image.Rootfs,
		CreateCommand: opts.CreateCommand,
		SecurityOpt:   opts.SecurityOpt,
		Privileged:    opts.Privileged,
		Stdin:         opts.Stdin, Attach: opts.Attach, SigProxy: opts.SigProxy,
		Init: opts.Init || cfg.Containers.Init, Remove: opts.Remove,
		PreserveFDs: opts.PreserveFDs, GroupAdd: opts.GroupAdd,
		Timeout: opts.Timeout,
		PIDFile: opts.PIDFile, CIDFile: opts.CIDFile, SDNotify: opts.SDNotify,
		Restart: opts.Restart, Requires: opts.Requires,
	}}
	d.c.Rootfs.MountProgram = cfg.MountProgram
	if needed := image.Rootfs.MountProgram; needed != "" {
		// The image's layers have whiteouts of a kind that only one program understands.
		if cfg.MountProgram == overlay.Native {
			return nil, errs.WithHint(errs.Unsupportedf("image %q: its layers can be mounted by %s only", image.Name, needed),
				"--storage-opt mount_program=auto")
		}
		if !filepath.IsAbs(cfg.MountProgram) { // else it is the user's own fuse-overlayfs
			d.c.Rootfs.MountProgram = needed
		}
	}
	d.c.Rootfs.Volatile = opts.Remove
	for _, part := range []func() error{
		d.metadata, d.restart, d.log, d.health, d.notify, d.network, d.cgroups, d.namespaces, d.process, d.identities, d.systemd, d.stopSignal, d.security, d.mounts, d.secrets,
		d.resources, d.sysctls,
	} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return d.c, nil
}

// metadata fills labels, annotations and how long the container has to stop.
func (d *draft) metadata() error {
	d.c.Labels = map[string]string{}
	maps.Copy(d.c.Labels, d.image.Config.Labels)
	maps.Copy(d.c.Labels, d.opts.Labels)

	d.c.OCI.Version = specs.Version
	d.c.OCI.Root = &specs.Root{Path: "rootfs", Readonly: d.opts.ReadOnly || d.env.Config.Containers.ReadOnly}
	d.c.OCI.Annotations = map[string]string{}
	for _, entry := range d.env.Config.Containers.Annotations {
		key, value, err := parse.Label(entry)
		if err != nil {
			return fmt.Errorf("containers.conf: annotations: %w", err)
		}
		d.c.OCI.Annotations[key] = value
	}
	maps.Copy(d.c.OCI.Annotations, d.opts.Annotations)
	if d.c.OCI.Annotations[keepGroupsAnnotation] == "1" && len(d.c.GroupAdd) == 0 {
		d.c.GroupAdd = []string{oci.KeepGroups}
	}

	d.c.StopTimeout = DefaultStopTimeout
	if timeout := d.env.Config.Containers.StopTimeout; timeout != nil {
		d.c.StopTimeout = *timeout
	}
	if d.opts.StopTimeout != nil {
		d.c.StopTimeout = *d.opts.StopTimeout
	}
	return nil
}

func (d *draft) stopSignal() error {
	name, from := d.opts.StopSignal, "--stop-signal"
	if name == "" {
		name, from = d.image.Config.StopSignal, "the image's stop signal"
	}
	switch {
	case name != "":
	case d.systemdPID1:
		name = systemdSignal
	default:
		name = defaultStopSignal
	}
	signal, err := linux.Signal(name)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	d.c.StopSignal = int(signal)
	return nil
}

func (d *draft) cgroups() error {
	cgroups := d.opts.Cgroups
	if mode := d.env.Config.Containers.Cgroups; cgroups.Mode == "" && mode != "" {
		parsed, err := parse.Choice(mode, "enabled", "disabled", "split", "no-conmon")
		if err != nil {
			return fmt.Errorf("containers.conf: cgroups: %w", err)
		}
		cgroups.Mode = parsed
	}
	if cgroups.Mode == "" || cgroups.Mode == "no-conmon" {
		cgroups.Mode = "enabled"
	}
	if cgroups.Manager == "" {
		cgroups.Manager = d.env.Config.CgroupManager
	}
	if cgroups.Mode != "enabled" && cgroups.Parent != "" {
		return errs.Invalidf("--cgroup-parent %q: with --cgroups %s there is nothing to put below it",
			cgroups.Parent, cgroups.Mode)
	}
	if cgroups.Parent != "" && cgroups.Manager == "systemd" && filepath.Ext(cgroups.Parent) != ".slice" {
		return errs.WithHint(
			errs.Invalidf("--cgroup-parent %q: systemd wants the name of a slice", cgroups.Parent),
			"--cgroup-parent NAME.slice, or --cgroup-manager cgroupfs")
	}
	d.c.Cgroups = cgroups
	return nil
}

// namespaces lists what the container has for itself; what is absent is the host's.
func (d *draft) namespaces() error {
	conf := &d.env.Config.Containers
	list := []specs.LinuxNamespace{{Type: specs.MountNamespace}}
	for _, ns := range []struct {
		kind            specs.LinuxNamespaceType
		flag, conf, key string
	}{
		{specs.PIDNamespace, d.opts.PID, conf.PIDNS, "pidns"},
		{specs.NetworkNamespace, d.c.Network.Mode, "", ""},
		{specs.IPCNamespace, d.opts.IPC, conf.IPCNS, "ipcns"},
		{specs.UTSNamespace, d.opts.UTS, conf.UTSNS, "utsns"},
		{specs.CgroupNamespace, d.opts.CgroupNS, conf.CgroupNS, "cgroupns"},
	} {
		mode := ns.flag
		if mode == "" {
			read := parse.Namespace
			if ns.kind == specs.IPCNamespace {
				read = parse.IPC
			}
			parsed, err := read(ns.conf)
			if err != nil {
				return fmt.Errorf("containers.conf: %s: %w", ns.key, err)
			}
			mode = parsed
		}
		d.noShm = d.noShm || ns.kind == specs.IPCNamespace && mode == "none"
		if mode != "host" && (ns.kind != specs.NetworkNamespace || !d.c.Network.Shared()) {
			list = append(list, specs.LinuxNamespace{Type: ns.kind})
		}
	}
	d.c.OCI.Linux = &specs.Linux{Namespaces: list}
	if d.opts.Personality != "" {
		d.c.OCI.Linux.Personality = &specs.LinuxPersonality{Domain: d.opts.Personality}
	}

	if d.c.Init && !d.private(specs.PIDNamespace) {
		return errs.Invalidf("--init: with --pid host the container has no first process of its own")
	}
	if d.private(specs.UTSNamespace) {
		d.c.OCI.Hostname = d.opts.Hostname
		if d.c.OCI.Hostname == "" && !d.private(specs.NetworkNamespace) && !d.c.Network.Shared() {
			d.c.OCI.Hostname = d.env.Hostname // as docker and podman have it with --network host
		}
		if d.c.OCI.Hostname == "" {
			d.c.OCI.Hostname = d.c.ID[:min(12, len(d.c.ID))]
		}
		d.c.OCI.Domainname = d.opts.Domainname
		return nil
	}
	if d.opts.Hostname != "" || d.opts.Domainname != "" {
		return errs.Invalidf("--hostname %q: with --uts host it would be the host's own name",
			d.opts.Hostname+d.opts.Domainname)
	}
	return nil
}

// private tells whether the container has a namespace of a kind for itself.
func (d *draft) private(kind specs.LinuxNamespaceType) bool {
	return spec.HasNamespace(&d.c.OCI, kind)
}

// sysctls are those that belong to the container's own namespaces. What containers.conf
// says of the host's is skipped: it is meant for the containers that can have it.
func (d *draft) sysctls() error {
	private := func(namespace string) bool { return d.private(specs.LinuxNamespaceType(namespace)) }
	d.c.OCI.Linux.Sysctl = map[string]string{}
	for _, entry := range d.env.Config.Containers.Sysctls {
		key, value, err := parse.Sysctl(entry)
		if err != nil {
			return fmt.Errorf("containers.conf: default_sysctls: %w", err)
		}
		if parse.CheckSysctl(key, private) == nil {
			d.c.OCI.Linux.Sysctl[key] = value
		}
	}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(d.opts.Sysctls)) {
		if err := parse.CheckSysctl(key, private); err != nil {
			problems = append(problems, fmt.Errorf("--sysctl %w", err))
		}
		d.c.OCI.Linux.Sysctl[key] = d.opts.Sysctls[key]
	}
	return errors.Join(problems...)
}
