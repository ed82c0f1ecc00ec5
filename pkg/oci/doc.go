// Package oci makes a container's first process out of an OCI runtime description: its
// namespaces, mounts, devices, capabilities, seccomp filter and limits. It knows no
// storage, no network and no flags: the root filesystem is mounted already, and whoever
// calls configures the network namespace between Start and Run.
//
// The caller is uid 0 of a user namespace with all capabilities (or real root) and sees
// its own processes in /proc. The child is the same binary again, executed through a
// read-only file so that nothing in the container can write to it:
//
//	parent (Start, Ready, Run)                 child (`rc-shim init N`, Init)
//	──────────────────────────                 ──────────────────────────────
//	clone(NEWNS NEWPID NEWNET NEWIPC NEWUTS,
//	      INTO_CGROUP), exec Exe ───────────▶  Go runtime starts
//	'o' + memfd: the order (see order) ─────▶  waits for it on descriptor N
//	Start returns: the pid is known, and       cgroup namespace, propagation, root,
//	its namespaces can be configured           mounts, devices, /dev/console, masked
//	                                           and read-only paths, sysctls, names,
//	                                           pivot_root, user look-up, working directory
//	Ready returns                 ◀──────────  'r' (+ the terminal's master)
//	'g' (Run) ──────────────────────────────▶  oom score, limits, capabilities, ids,
//	                                           search of the command in PATH
//	                              ◀──────────  'x': about to execute
//	                                           seccomp filter, execve (closes N)
//	Run returns nil               ◀─── EOF ──
//
// At any point the child may send 'e' instead (exit code, kind, hint, text) and end: Ready
// or Run returns that error. EOF without an 'x' before it is a child that died.
//
// With Config.Init the child executes itself once more as a small init (Reaper), which
// keeps the socket until it has started the command, so that a missing command is
// reported the same way.
//
// The child's credentials are applied to one thread (runtime.LockOSThread) with raw
// system calls: execve(2) ends all other threads, and that thread's are the ones kept.
package oci
