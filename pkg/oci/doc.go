// Package oci makes a container's first process out of an OCI runtime description: its
// namespaces, mounts, devices, capabilities, seccomp filter and limits. It knows no
// storage, no network and no flags: the root filesystem is mounted already, and whoever
// calls configures the network namespace between Fork and Run.
//
// The caller is uid 0 of a user namespace with all capabilities (or real root) and sees
// its own processes in /proc. The child is the same binary again, executed through a
// read-only file so that nothing in the container can write to it:
//
//	parent (Fork, Tell, Ready, Run)            child (`rc-shim init N`, Init)
//	───────────────────────────────            ──────────────────────────────
//	clone(NEWNS NEWPID NEWNET NEWIPC NEWUTS,
//	      INTO_CGROUP), exec Exe ───────────▶  Go runtime starts
//	Fork returns: the pid is known, and        waits on descriptor N
//	its namespaces can be configured
//	'o' + memfd: the order, + mounts ───────▶  cgroup namespace, propagation, root,
//	Tell returns                               mounts, devices, /dev/console, masked
//	                                           and read-only paths, sysctls, names,
//	                                           user look-up, owners, working directory,
//	                                           pivot_root
//	(Process.own)                 ◀──────────▶  'u' + tree: what only the parent can give to the user
//	(Process.Hooks)               ◀──────────▶  'h', where the runtime has hooks to run
//	Ready returns                 ◀──────────  'r' (+ the terminal's master)
//	'g' (Run) ──────────────────────────────▶  oom score, limits, capabilities, ids,
//	                                           search of the command in PATH
//	                              ◀──────────  'x': about to execute
//	                                           seccomp filter, execve (closes N)
//	Run returns nil               ◀─── EOF ──
//
// Fork comes before anybody knows what the order will be, so that starting the program (1 to
// 2 ms) costs no time. The child's mount namespace is a copy from then: what the parent
// mounts later (the root filesystem) goes along with the order as detached mounts. The order
// itself is data, which another process may have made (NewOrder, Encode): rc does, the shim
// passes it on unread.
//
// A process that joins a container that runs (rc exec) needs no program of ours in between: Enter
// has a thread enter its namespaces, look up the user, the working directory and the command there,
// and write down the system calls that are left (linux.Script), which a forked child makes up to
// execve. What takes an init all the same (a terminal, a user namespace, the host's pid namespace)
// is forked as above, into the container's namespaces.
//
// At any point the child may send 'e' instead (exit code, kind, hint, text) and end: Ready
// or Run returns that error. EOF without an 'x' before it is a child that died.
//
// With Config.Init the child executes itself once more as a small init (Reaper), which
// keeps the socket until it has started the command, so that a missing command is
// reported the same way. Where the command is handed sockets by systemd, its process is this program
// first, too (Activated), since its pid has to be in its environment.
//
// The child's credentials are applied to one thread (runtime.LockOSThread) with raw
// system calls: execve(2) ends all other threads, and that thread's are the ones kept.
package oci
