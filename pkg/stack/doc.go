// Package stack reads directories that overlay file systems lay on top of each other, without mounting
// them: what shows through where (Dir), what the topmost changes as the archive of an image
// layer (PackLayer), and all of it as one archive (Pack). It knows the whiteouts of the
// kernel's overlayfs with userxattr, of fuse-overlayfs, and ".wh." files.
//
// The topmost directory may be a container's that runs: everything is opened by its name in a
// directory that is open already, never through a symbolic link, and what vanishes meanwhile
// is left out.
package stack
