// Package shim is the process that looks after one container, and what rc says to it.
//
// rc starts the shim in a new user, mount and pid namespace (pkg/userns). It has the
// default map, all capabilities there, and is pid 1 of the outer pid namespace: whatever
// ends the shim ends the container, fuse-overlayfs and the network helper with it.
//
// The two speak over a SOCK_SEQPACKET socket, the shim's descriptor 3, in messages of
// JSON with descriptors attached:
//
//	rc                                          shim
//	 │  (newuidmap, newgidmap end)                │ blocked in its first read
//	 ├─ plan [memfd, stdio, preserved fds] ──────▶│ mounts /proc and the root
//	 │  (systemd answers, or the cgroup is there) │
//	 ├─ place [cgroup directory] ────────────────▶│ clones the first process into it, which
//	 │                                            │ mounts, pivots; the network comes up
//	 │◀──────────── started [terminal's master] ──┤ the first process execs
//	 ├─ signal ──────────────────────────────────▶│ hands it on
//	 │◀────────────────────────────────── exited ─┤ exit.json is written
//	 │  (rc is gone)                              │ unmounts, removes what is to be removed
//
// An error in between is one "error" message in place of the next one. The end of rc's
// side before "exited" is rc's death: the shim stops the container as `rc stop` would.
//
// The shim decides nothing that rc could: the plan is complete, and it is data.
package shim
