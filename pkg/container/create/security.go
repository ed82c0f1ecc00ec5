package create

import (
	"fmt"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/spec"
)

const unconfined = "unconfined"

// security fills capabilities, the seccomp profile and what of /proc and /sys is hidden.
func (d *draft) security() error {
	if err := d.capabilities(); err != nil {
		return err
	}
	d.c.Seccomp = d.opts.Security.Seccomp
	if d.c.Seccomp == "" {
		d.c.Seccomp = d.env.Config.Containers.SeccompProfile
		if d.opts.Privileged {
			d.c.Seccomp = unconfined
		}
	}
	if d.c.Seccomp != "" && d.c.Seccomp != unconfined {
		if err := d.env.Exists(d.c.Seccomp); err != nil {
			return fmt.Errorf("seccomp profile %q: %w", d.c.Seccomp, err)
		}
	}
	linux := d.c.OCI.Linux
	if !d.opts.Privileged {
		linux.MaskedPaths = unmasked(oci.MaskedPaths(), d.opts.Security.Unmask)
		linux.ReadonlyPaths = unmasked(oci.ReadonlyPaths(), d.opts.Security.Unmask)
	}
	for _, hidden := range d.opts.Security.Mask {
		if hidden = path.Clean(hidden); !slices.Contains(linux.MaskedPaths, hidden) {
			linux.MaskedPaths = append(linux.MaskedPaths, hidden)
		}
	}
	return nil
}

// unmasked leaves out of paths what --security-opt unmask= names: ALL, paths, patterns.
func unmasked(paths, unmask []string) []string {
	var out []string
	for _, p := range paths {
		shown := slices.ContainsFunc(unmask, func(pattern string) bool {
			matched, _ := path.Match(pattern, p) // a malformed pattern matches nothing
			return pattern == "ALL" || path.Clean(pattern) == p || matched
		})
		if !shown {
			out = append(out, p)
		}
	}
	return out
}

// capabilities are the default set, --cap-drop before --cap-add where one is ALL, as
// docker does it. Root gets all of them by the kernel's own rule at execve(2); anybody
// else only those that were asked for by name, as ambient ones (see oci.Config.Spec).
func (d *draft) capabilities() error {
	set := oci.DefaultCapabilities()
	if conf := d.env.Config.Containers.Capabilities; conf != nil {
		set = nil
		for _, name := range conf {
			full, err := oci.ParseCapability(name)
			if err != nil {
				return fmt.Errorf("containers.conf: default_capabilities: %w", err)
			}
			set = append(set, full)
		}
	}
	add, drop := d.opts.CapAdd, d.opts.CapDrop
	if both := slices.IndexFunc(add, func(name string) bool { return name != spec.CapAll && slices.Contains(drop, name) }); both >= 0 {
		return errs.Invalidf("--cap-add %s: --cap-drop has it too", add[both])
	}
	switch {
	case d.opts.Privileged || slices.Contains(add, spec.CapAll):
		set = oci.AllCapabilities()
	case slices.Contains(drop, spec.CapAll):
		set = nil
	}
	set = append(slices.Clone(set), add...)
	set = slices.DeleteFunc(set, func(name string) bool { return name == spec.CapAll || slices.Contains(drop, name) })
	slices.Sort(set)
	set = slices.Compact(set)

	caps := &specs.LinuxCapabilities{Bounding: set, Effective: set, Permitted: set}
	if !rootUser(d.c.OCI.Process.User.Username) {
		ambient := slices.DeleteFunc(slices.Clone(add), func(name string) bool { return name == spec.CapAll })
		if slices.Contains(add, spec.CapAll) {
			ambient = set
		}
		slices.Sort(ambient)
		ambient = slices.Compact(ambient)
		caps.Effective, caps.Permitted, caps.Inheritable, caps.Ambient = ambient, ambient, ambient, ambient
	}
	d.c.OCI.Process.Capabilities = caps
	return nil
}

// rootUser tells whether -u is root by its usual name. Another name with uid 0 does not
// lose by not being recognised: the kernel gives uid 0 its bounding set.
func rootUser(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return name == "" || name == "0" || name == "root"
}
