package create

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// defaultPath is docker's and podman's PATH for images that have none.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// process fills what is executed, as whom, and with which environment and limits.
func (d *draft) process() error {
	umask := uint32(defaultUmask)
	if text := d.env.Config.Containers.Umask; text != "" {
		parsed, err := parse.Umask(text)
		if err != nil {
			return fmt.Errorf("containers.conf: umask: %w", err)
		}
		umask = parsed
	}
	if d.opts.Umask != nil {
		umask = *d.opts.Umask
	}
	user := d.opts.User
	if user == "" {
		user = d.image.Config.User
	}
	d.c.OCI.Process = &specs.Process{
		Terminal:        d.opts.TTY,
		User:            specs.User{Username: user, Umask: &umask},
		Cwd:             d.workdir(),
		NoNewPrivileges: d.opts.Security.NoNewPrivileges,
		OOMScoreAdj:     d.env.Config.Containers.OOMScoreAdj,
	}
	if d.opts.OOMScoreAdj != nil {
		d.c.OCI.Process.OOMScoreAdj = d.opts.OOMScoreAdj
	}
	if err := d.command(); err != nil {
		return err
	}
	if err := d.environment(); err != nil {
		return err
	}
	return d.rlimits()
}

func (d *draft) workdir() string {
	switch {
	case d.opts.Workdir != "":
		return d.opts.Workdir
	case strings.HasPrefix(d.image.Config.WorkingDir, "/"):
		return d.image.Config.WorkingDir
	default: // images made elsewhere may have a relative one; docker takes it from /
		return "/" + d.image.Config.WorkingDir
	}
}

// command joins entrypoint and arguments: arguments replace the image's Cmd, and a given
// entrypoint drops it, since it was meant for the image's own.
func (d *draft) command() error {
	entrypoint, cmd := d.image.Config.Entrypoint, d.image.Config.Cmd
	if d.opts.Entrypoint != nil {
		entrypoint, cmd = d.opts.Entrypoint, nil
	}
	if len(d.opts.Args) > 0 {
		cmd = d.opts.Args
	}
	args := slices.Concat(entrypoint, cmd)
	if len(args) == 0 {
		return errs.WithHint(
			errs.Invalidf("command: %q has neither entrypoint nor command, and none was given", d.subject()),
			"rc run "+d.subject()+" COMMAND")
	}
	if args[0] == "" {
		return errs.Invalidf("command: its name is empty")
	}
	d.c.Entrypoint, d.c.Cmd, d.c.OCI.Process.Args = entrypoint, cmd, args
	return nil
}

// subject is how the user knows what the container is made from.
func (d *draft) subject() string {
	if d.image.Name != "" {
		return d.image.Name
	}
	if d.image.Rootfs.Path != "" {
		return d.image.Rootfs.Path
	}
	return d.image.ID
}

// environment lays the sources over each other, see Env.
func (d *draft) environment() error {
	hostname := d.c.OCI.Hostname
	if hostname == "" {
		hostname = d.env.Hostname
	}
	defaults := []string{defaultPath, "HOSTNAME=" + hostname}
	if d.opts.TTY {
		defaults = append(defaults, "TERM=xterm")
	}
	// systemd and others look at it; "oci" is systemd's word for any runtime of this kind
	// (CONTAINER_INTERFACE), and makes it look at /run/.containerenv besides.
	defaults = append(defaults, "container=oci")
	image := d.image.Config.Env
	base := spec.JoinEnv(defaults, d.env.Config.Containers.Env, image, d.opts.Env.Base)
	merged := make([]string, 0, len(d.opts.Env.Merge))
	for _, entry := range d.opts.Env.Merge {
		key, value, _ := strings.Cut(entry, "=")
		merged = append(merged, key+"="+os.Expand(value, func(name string) string {
			old, _ := spec.EnvValue(image, name)
			return old
		}))
	}
	base = spec.JoinEnv(base, merged)
	if d.opts.Env.UnsetAll {
		base = nil
	}
	base = slices.DeleteFunc(base, func(entry string) bool {
		key, _, _ := strings.Cut(entry, "=")
		return slices.Contains(d.opts.Env.Unset, key)
	})
	d.c.OCI.Process.Env = spec.JoinEnv(base, d.opts.Env.Set)
	for _, entry := range d.c.OCI.Process.Env {
		if strings.ContainsRune(entry, 0) {
			return errs.Invalidf("environment: %q has a NUL byte", entry)
		}
	}
	return nil
}

// The limits that a container gets where the caller's own allow it: docker's for open
// files, podman's for processes.
const (
	defaultOpenFiles = 1 << 20
	defaultProcesses = 4 << 20
)

// rlimits are the defaults, containers.conf's and the flags'. Nobody can raise a hard limit
// without privileges in the first user namespace, so what cannot work is refused here;
// defaults are cut.
func (d *draft) rlimits() error {
	if d.opts.RlimitsHost {
		return nil
	}
	limits := []specs.POSIXRlimit{
		{Type: "RLIMIT_NOFILE", Soft: defaultOpenFiles, Hard: defaultOpenFiles},
		{Type: "RLIMIT_NPROC", Soft: defaultProcesses, Hard: defaultProcesses},
	}
	for _, text := range d.env.Config.Containers.Ulimits {
		limit, err := parse.Ulimit(text)
		if err != nil {
			return fmt.Errorf("containers.conf: default_ulimits: %w", err)
		}
		limits = setRlimit(limits, limit)
	}
	for i := range limits {
		if own, known := d.rlimit(limits[i].Type); known {
			limits[i].Hard = min(limits[i].Hard, own.Hard)
			limits[i].Soft = min(limits[i].Soft, limits[i].Hard)
		}
	}
	for _, limit := range d.opts.Rlimits {
		if own, known := d.rlimit(limit.Type); known && limit.Hard > own.Hard {
			name := strings.ToLower(strings.TrimPrefix(limit.Type, "RLIMIT_"))
			return errs.WithHint(
				errs.Unsupportedf("--ulimit %s=%s: your own hard limit is %s", name, rlimitText(limit.Hard), rlimitText(own.Hard)),
				"raise it in /etc/security/limits.conf, or as Limit"+strings.ToUpper(name)+"= of user@.service")
		}
		limits = setRlimit(limits, limit)
	}
	d.c.OCI.Process.Rlimits = limits
	return nil
}

func (d *draft) rlimit(kind string) (specs.POSIXRlimit, bool) {
	for _, limit := range d.env.Rlimits {
		if limit.Type == kind {
			return limit, true
		}
	}
	return specs.POSIXRlimit{}, false
}

func setRlimit(limits []specs.POSIXRlimit, limit specs.POSIXRlimit) []specs.POSIXRlimit {
	for i := range limits {
		if limits[i].Type == limit.Type {
			limits[i] = limit
			return limits
		}
	}
	return append(limits, limit)
}

func rlimitText(n uint64) string {
	if n == spec.Unlimited {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}
