// Package shim is the process that looks after one container, and what rc says to it.
//
// rc starts the shim in a new user, mount and pid namespace (pkg/userns). It has the
// default map, all capabilities there, and is pid 1 of the outer pid namespace: whatever
// ends the shim ends the container, fuse-overlayfs and the network helper with it.
//
// The two speak over a SOCK_SEQPACKET socket, the shim's descriptor 3, in messages of
// pkg/wire with descriptors attached. What the first process needs to be forked (its
// namespaces, standard streams, cgroup) the shim is started with, so that its program is
// ready when the rest is (see Birth and pkg/oci):
//
//	rc                                          shim                         first process
//	 ├─ argv, descriptors from 3 on ─────────────▶│ forks it ─────────────────▶│ starts
//	 │  (newuidmap, newgidmap work;              │ blocked in its first read  │ blocked, too
//	 │   rc makes the directories)               │                            │
//	 ├─ plan [memfd: the order] ─────────────────▶│ mounts /proc and the root; │
//	 │                                            │ starts rc-net              │
//	 │                                            ├─ order [memfd, root] ─────▶│ mounts, pivots
//	 │                                            │ the network comes up       │
//	 │  (container.json is written)               │ state.json is written      │
//	 │                                            │◀──────────────────── ready ┤
//	 ├─ go ──────────────────────────────────────▶├─ go ──────────────────────▶│ execs
//	 │◀──────────── phases, with --debug ─────────┤                            │
//	 │◀──────────── started [terminal's master] ──┤                            │
//	 ├─ signal ──────────────────────────────────▶│ hands it on
//	 │◀────────────────────────────────── exited ─┤ exit.json is written, or, with --rm, the name
//	 │                                            │ is freed and the directory moved to trash/
//	 │  (rc is gone)                              │ unmounts, removes what is to be removed
//
// Where systemd has to make the cgroup first, the process is forked late (Birth.Wait): after
// the root is mounted and one more message has come, "place" with the cgroup's directory.
//
// An error in between is one "error" message in place of the next one. The end of rc's
// side before "exited" is rc's death: the shim stops the container as `rc stop` would.
//
// The shim decides nothing that rc could: the plan is complete, and it is data.
package shim
