// Package layer unpacks the tar archive of an image layer into a directory, as overlay
// file systems want to have it: whiteouts become character devices 0/0 and opaque directories
// the attribute user.overlay.opaque (or both stay ".wh." files, which only fuse-overlayfs
// understands). It runs as root of a user namespace.
//
// An archive is somebody else's input. Every name is resolved by the kernel within the
// directory (openat2(2), RESOLVE_IN_ROOT), symbolic links and absolute names included, as
// if it were the root; names that lead out of it by ".." are an error. Nothing is ever written through a
// link in the last component. What unprivileged users cannot make is left out, as podman
// does: device nodes, trusted.* and security.* attributes other than security.capability.
// The attributes by which overlay file systems steer themselves are never taken from an archive.
//
// It knows no digests, no compression and no store.
package layer
