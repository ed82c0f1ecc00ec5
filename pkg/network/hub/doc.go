// Package hub finds the network namespace that a user's containers share for their bridges, and the
// user namespace that it belongs to. Nobody keeps them but the containers on bridge networks: each of
// their shims runs in that user namespace and holds the network namespace as descriptor FD; when
// the last one ends, the kernel takes both away.
//
//	first rc                              kernel                         another rc
//	 │ takes the lock                                                     │ waits for the lock
//	 ├─ clones its shim, NEWUSER ───────▶ user namespace                  │
//	 │  shim: unshare(NEWNET), as FD ───▶ hub                             │
//	 │  maps are written                                                  │
//	 ├─ hub/ID: "shim's pid, start"; gives the lock back ────────────────▶│ takes the lock
//	 │                                                                    ├─ opens /proc/PID/ns/user
//	 │                                    ◀───────────────────────────────┤  and /proc/PID/fd/FD
//	 │                                                                    ├─ starts its shim there
//	 │                                                                    ├─ hub/ID2; gives the lock back
//
// No shim is asked: the kernel gives the namespaces of one that is stopped, too. Whoever is
// found dead in hub/ is taken out of it.
package hub
