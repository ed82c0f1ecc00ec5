package create

import (
	"path"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// systemdSignal makes systemd as pid 1 shut down: SIGRTMIN+3, systemd(1).
const systemdSignal = "RTMIN+3"

// defaultShmSystemd is podman's size of each tmpfs for systemd, in bytes.
const defaultShmSystemd = 64 << 20

// systemdMode tells whether the command is a systemd that has to find what it needs (podman-run(1), --systemd):
// always, or by its name and where it would have a cgroup of its own that it may write: one whose root is not the user
// does not.
func (d *draft) systemdMode() bool {
	switch d.opts.Systemd {
	case "always":
		return true
	case "false":
		return false
	}
	if d.opts.Init || d.private(specs.UserNamespace) || !d.private(specs.CgroupNamespace) || d.c.Cgroups.Mode == "disabled" ||
		len(d.c.OCI.Process.Args) == 0 {
		return false
	}
	command := d.c.OCI.Process.Args[0]
	return path.Base(command) == "systemd" || slices.Contains([]string{"/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"}, command)
}

// systemd prepares for one: the stop signal, the variable by which it knows its machine, and cgroups that it may
// write. Its file systems are systemdMounts.
func (d *draft) systemd() error {
	d.systemdPID1 = d.systemdMode()
	if !d.systemdPID1 {
		return nil
	}
	switch {
	case d.c.Init:
		return errs.Invalidf("--systemd always: with --init it would not be the first process")
	case d.private(specs.UserNamespace):
		return errs.WithHint(errs.Unsupportedf("--systemd always: in a user namespace of its own (--userns, --uidmap) root is not the user, whose the cgroup is"),
			"leave out --userns and --uidmap")
	case !d.private(specs.CgroupNamespace):
		return errs.WithHint(errs.Invalidf("--systemd always: with --cgroupns host the cgroups that it would write are the host's"), "--systemd=false")
	case d.c.Cgroups.Mode == "disabled":
		return errs.WithHint(errs.Invalidf("--systemd always: with --cgroups disabled there is no cgroup that it could write"), "--systemd=false")
	}
	d.c.OCI.Process.Env = spec.JoinEnv([]string{"container_uuid=" + d.c.ID[:min(32, len(d.c.ID))]}, d.c.OCI.Process.Env)
	return nil
}

// systemdMounts are file systems that systemd expects to be empty, and to be its own.
func (d *draft) systemdMounts() []specs.Mount {
	size := int64(defaultShmSystemd)
	if d.opts.ShmSizeSystemd != nil {
		size = *d.opts.ShmSizeSystemd
	}
	options := []string{"rprivate", "nosuid", "nodev"}
	if size > 0 {
		options = append(options, "size="+strconv.FormatInt(size, 10))
	}
	var out []specs.Mount
	for _, m := range []struct{ destination, mode string }{
		{"/run", "mode=755"}, {"/run/lock", "mode=1777"}, {"/tmp", "mode=1777"}, {"/var/log/journal", "mode=755"},
	} {
		out = append(out, specs.Mount{
			Type: "tmpfs", Source: "tmpfs", Destination: m.destination, Options: append(slices.Clone(options), m.mode),
		})
	}
	return out
}
