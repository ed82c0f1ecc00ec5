package oci

import (
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/hook"
)

// Config is what an order is made of (NewOrder). The files stay the caller's.
type Config struct {
	// Spec describes the process. A namespace that is absent from Linux.Namespaces is the
	// caller's; one with a path is joined; a user namespace without a path is nested in
	// the caller's with Linux.UIDMappings and GIDMappings.
	//
	// Process.User.Username, where set, is "name", "name:group", "uid" or "uid:gid" and is
	// resolved against the container's own passwd and group files; else UID, GID and
	// AdditionalGids are taken as they are. HOME is set where Process.Env has none.
	//
	// Capabilities: uid 0 gets Bounding (the kernel computes it so at execve) and never
	// ambient ones; any other user gets Ambient only, which is what --cap-add gave.
	Spec *specs.Spec
	// Rootfs is the root filesystem, mounted in the caller's mount namespace.
	Rootfs string
	// Trees are the paths among Rootfs and the sources of bind mounts that are not looked up
	// but come with Process.Tell, as detached mounts in this order: what was mounted after the
	// process was forked is not in its mount namespace.
	Trees []string
	// Seccomp is an array of struct sock_filter in native byte order; nil loads none.
	Seccomp []byte
	// Cgroup is the directory of the cgroup that the process is born in; nil is the caller's.
	Cgroup *os.File
	// Stdin, Stdout and Stderr become 0, 1 and 2; nil is /dev/null. Ignored with a terminal.
	Stdin, Stdout, Stderr *os.File
	// ExtraFiles become 3 and on.
	ExtraFiles []*os.File
	// Inside makes a process that joins the container that Spec describes and that runs
	// already: of Spec only Process, Linux.Namespaces and Linux.Personality count, and Rootfs is "/". Its Birth says
	// which container.
	Inside bool
	// Hooks are Spec.Hooks with what they are told; whoever calls runs those of the runtime
	// (Process.Hooks), poststart and poststop.
	Hooks *hook.Set
	// Init puts a small init before the command, as pid 1.
	Init bool
	// GroupAdd are supplementary groups by name or number; "keep-groups" keeps the caller's
	// and must stand alone.
	GroupAdd []string
	// DieWithParent kills the process when the caller dies: for containers that share the
	// host's pid namespace, where no outer one does it (PR_SET_PDEATHSIG).
	DieWithParent bool
	// Exe is this binary, opened by ReadOnlyExe; nil opens it for this call.
	Exe *os.File
}

// KeepGroups in Config.GroupAdd keeps the caller's supplementary groups.
const KeepGroups = "keep-groups"
