package create

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
	"github.com/rc-containers/rc/pkg/userns"
)

// Identities says which ids a container has, and what its account files are to say of them.
type Identities struct {
	Userns           spec.Userns
	UIDMaps, GIDMaps []spec.IDMapping
	// SubUIDName and SubGIDName are names of /etc/subuid and /etc/subgid whose ranges are mapped.
	SubUIDName, SubGIDName string

	// NoPasswd leaves the account files as the image has them.
	NoPasswd bool
	// PasswdEntry and GroupEntry take the place of the lines that are added to them; HostUsers are
	// users of the host that are added, too.
	PasswdEntry, GroupEntry string
	HostUsers               []string
}

// mapped tells whether there are explicit maps.
func (i *Identities) mapped() bool { return len(i.UIDMaps) > 0 || len(i.GIDMaps) > 0 }

// named tells whether there are maps by name.
func (i *Identities) named() bool { return i.SubUIDName != "" || i.SubGIDName != "" }

// choose settles the mode.
func (i *Identities) choose(configured string) error {
	if i.mapped() || i.named() {
		if i.Userns.Mode != "" && i.Userns.Mode != spec.UsernsPrivate {
			return errs.Invalidf("--userns %s: it cannot be combined with --uidmap, --gidmap, --subuidname and --subgidname", i.Userns.Mode)
		}
		if i.mapped() && i.named() {
			return errs.Invalidf("--subuidname and --subgidname: they cannot be combined with --uidmap and --gidmap")
		}
		i.Userns.Mode = spec.UsernsPrivate
		return nil
	}
	if i.Userns.Mode == "" && configured != "" {
		u, err := parse.Userns(configured)
		if err != nil {
			return fmt.Errorf("containers.conf: userns: %w", err)
		}
		if u.Mode != spec.UsernsPrivate { // which says nothing without a map
			i.Userns = u
		}
	}
	switch i.Userns.Mode {
	case spec.UsernsHost:
		i.Userns.Mode = ""
	case spec.UsernsPrivate:
		return errs.WithHint(errs.Invalidf("--userns private: it needs --uidmap, --gidmap, --subuidname or --subgidname"),
			"--userns auto or --userns keep-id, which choose the ids")
	}
	return nil
}

// Identify settles which user namespace is meant, and looks up for it what Container has to know:
// nothing without one.
func (e *Environment) Identify(ctx context.Context, o *Identities) error {
	e.UID, e.GID = uint32(os.Getuid()), uint32(os.Getgid())
	if err := o.choose(e.Config.Containers.UserNS); err != nil {
		return err
	}
	if o.Userns.Mode == "" || o.Userns.Mode == spec.UsernsContainer {
		return nil
	}
	var err error
	if e.IDs, err = userns.DefaultMap(ctx); err != nil {
		return err
	}
	if o.named() {
		e.Named, err = e.IDs.Named(ctx, o.SubUIDName, o.SubGIDName)
	}
	return err
}

// identities gives the container its user namespace.
func (d *draft) identities() error {
	o := &d.opts.Identities
	d.c.Userns = o.Userns
	if o.Userns.Mode == "" || o.Userns.Mode == spec.UsernsContainer && !d.env.JoinsNested {
		return nil
	}
	d.c.OCI.Linux.Namespaces = append(d.c.OCI.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	var nested spec.IDMaps
	var err error
	switch o.Userns.Mode {
	case spec.UsernsKeepID:
		uid, gid := d.env.UID, d.env.GID
		if o.Userns.UID != nil {
			uid = *o.Userns.UID
		}
		if o.Userns.GID != nil {
			gid = *o.Userns.GID
		}
		d.c.Userns.UID, d.c.Userns.GID = &uid, &gid
		if d.opts.User == "" {
			d.c.OCI.Process.User.Username = fmt.Sprintf("%d:%d", uid, gid)
		}
		nested, err = d.env.IDs.KeepID(uid, gid, o.Userns.Size)
	case spec.UsernsNoMap:
		nested, err = d.env.IDs.NoMap()
	case spec.UsernsPrivate:
		if nested = d.env.Named; o.mapped() {
			nested, err = d.env.IDs.Mapped(o.UIDMaps, o.GIDMaps)
		}
	case spec.UsernsAuto:
		if d.c.Userns.Size == 0 {
			if d.c.Userns.Size, err = d.autoSize(); err != nil {
				return err
			}
		}
		// Which ones is chosen at each start; whether there can be enough is told now.
		_, err = d.env.IDs.Auto(d.c.Userns, nil)
	}
	d.c.OCI.Linux.UIDMappings, d.c.OCI.Linux.GIDMappings = nested.UIDs, nested.GIDs
	return err
}

// leastAuto is the least that auto chooses by itself: podman's figure.
const leastAuto = 1024

// autoSize is one more than the largest id that the image's account files and the user have.
func (d *draft) autoSize() (uint32, error) {
	most := uint32(leastAuto - 1)
	passwd, group, err := d.accounts()
	if err != nil {
		return 0, err
	}
	most = max(most, oci.LargestID(passwd, group))
	for part := range strings.SplitSeq(d.c.OCI.Process.User.Username, ":") {
		if n, err := strconv.ParseUint(part, 10, 31); err == nil {
			most = max(most, uint32(n))
		}
	}
	return most + 1, nil
}
