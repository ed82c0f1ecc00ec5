// Package userns starts programs in user namespaces of an ordinary user.
//
// It knows which ids the calling user may have (/etc/subuid, /etc/subgid, libsubid's
// getsubids), clones a child into a new user and mount namespace, has newuidmap(1) and
// newgidmap(1) write the child's maps, and explains what went wrong. It is not for the
// namespaces of a container (package oci), and knows nothing of images or containers.
//
// # Starting
//
//	caller                         child                        newuidmap, newgidmap
//	  | Start: clone(NEWUSER|NEWNS) ->|
//	  |                               | execve, keeps all capabilities as ambient ones
//	  | fork both ---------------------------------------------------->|
//	  |   (caller does other work)    | its runtime starts             | write uid_map, gid_map
//	  |                               | read(3): blocks                | exit
//	  | Mapped: reap both <--------------------------------------------|
//	  | one byte or message on fd 3 ->|
//	  |                               | from here on uid 0, gid 0
//
// Until the read on fd 3 returns, the child must not look at ids: they are 65534. End
// of file on fd 3 means that the caller has gone or given up: the child exits.
//
// The default map, which every process of rc that touches files owned by subordinate
// ids runs in, is 0 = the user, 1… = the subordinate ranges in file order. A process that is in it
// already (Caller) starts others there (StartHere).
package userns
