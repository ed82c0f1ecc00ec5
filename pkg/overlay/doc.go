// Package overlay puts a container's root filesystem together: layers below, the
// container's own directory above, mounted by the kernel where kernel and file system
// allow it and by fuse-overlayfs elsewhere.
//
// Choose says which of the two and why, without mounting anything; Mount does it, in the
// caller's mount namespace, as uid 0 of the default map. It knows no images and no
// containers: only directories.
package overlay
