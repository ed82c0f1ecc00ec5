// Package cgroup makes, limits, watches and removes control groups of version 2, as an ordinary
// user may: in directories that somebody delegated to that user. It knows no bus (package systemd
// does) and no container; version 1 hierarchies are only recognised, to say so.
//
// # Two places for a container
//
// In a scope that systemd made, whose first process is the shim:
//
//	rc-<id>.scope/             systemd's; goes with its last process
//	├── shim/                  the shim and its helpers (fuse-overlayfs, network)
//	└── container/             the container, with its limits
//
// Processes may only be in the leaves once a controller is enabled for them (cgroups(7), "no
// internal processes"), hence Leaves: mkdir both, move what is in the scope into shim/, enable the
// controllers, write the limits. The container's first process is cloned into container/.
//
// In a unit that the caller already owns (Delegate=yes, a terminal's scope under the user
// manager), without systemd and without a migration, which costs 12 ms:
//
//	UNIT/                      rc and the shim stay where they are …
//	├── supervisor/            … or, with --cgroups split, move here
//	└── rc-<id>/               the container, with its limits; removed by the shim
//
// The shim is not under rc-<id>/, so it can remove that directory with its last act. Who made the
// directory holds a flock on it, and passes the lock on with the descriptor: a directory whose
// lock is free belongs to nobody who lives, and Sweep removes it.
//
// Limits are data: Files turns runtime-spec resources into names and values, which are compared
// in tests, checked against the controllers at hand (Missing), and written by Apply.
package cgroup
