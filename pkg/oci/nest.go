package oci

import (
	"math"
	"os"
	"strings"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// nest has the child made in a user namespace of its own within the caller's.
func (b *Birth) nest(sys *syscall.SysProcAttr) {
	sys.UidMappings, sys.GidMappings = idMaps(b.UIDs), idMaps(b.GIDs)
	// user_namespaces(7): what is denied outside, for want of a range, cannot be allowed inside.
	denied, err := os.ReadFile("/proc/self/setgroups")
	sys.GidMappingsEnableSetgroups = err != nil || strings.TrimSpace(string(denied)) != "deny"
	sys.Credential = &syscall.Credential{Uid: setUpID(b.UIDs), Gid: setUpID(b.GIDs), NoSetGroups: true}
	if sys.Credential.Uid != 0 {
		for i := range capabilityNames() {
			sys.AmbientCaps = append(sys.AmbientCaps, uintptr(i))
		}
	}
}

func idMaps(maps []specs.LinuxIDMapping) []syscall.SysProcIDMap {
	out := make([]syscall.SysProcIDMap, len(maps))
	for i, m := range maps {
		out[i] = syscall.SysProcIDMap{ContainerID: int(m.ContainerID), HostID: int(m.HostID), Size: int(m.Size)}
	}
	return out
}

// setUpID is who a nested user namespace is set up as: root, where the map has it, since what
// is made belongs to it then; else the first id there is.
func setUpID(maps []specs.LinuxIDMapping) uint32 {
	first := uint32(math.MaxUint32)
	for _, m := range maps {
		first = min(first, m.ContainerID)
	}
	if first == math.MaxUint32 {
		return 0
	}
	return first
}

// forkInto forks a process in a user namespace that exists.
func (p *Process) forkInto(b *Birth, f *linux.UsernsFork) error {
	var err error
	if p.PID, p.Pidfd, err = f.Start(); err != nil {
		return explainClone(err, b.Cgroup)
	}
	return nil
}

// nested tells whether the container has a user namespace of its own: then the child cannot
// look everywhere where the caller can.
func (o *order) nested() bool { return o.namespaces&unix.CLONE_NEWUSER != 0 }

// Bind is the source of a bind mount.
type Bind struct {
	Source, Target string
	Recursive      bool
}

// Binds are the sources of bind mounts, in their order: what a process in a user namespace of
// its own may be unable to open, so that it gets them by Tell (Config.Trees). Device nodes, of which
// --privileged has more than a message takes descriptors, are in a directory that everybody can search.
func Binds(mounts []specs.Mount) []Bind {
	var out []Bind
	for i := range mounts {
		if m, err := parseMount(&mounts[i]); err == nil && m.kind == kindBind && !strings.HasPrefix(m.source, "/dev/") {
			out = append(out, Bind{Source: m.source, Target: m.target, Recursive: m.recursive})
		}
	}
	return out
}
