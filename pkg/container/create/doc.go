// Package create makes the description of a container. Container is a function of what was
// asked for (Options), of the image (Image) and of what has to be known of machine and
// caller (Environment, which Surroundings gathers); it looks at nothing else and changes
// nothing, and the spec.Container that it returns is what is recorded, run and inspected:
//
//	Options ──┐
//	Image ────┼─▶ Container ─▶ spec.Container ─▶ record, plan of the shim, inspect
//	Environment┘
//
// Everything that can be refused is refused here, before anything exists.
//
// Mounts of a spec.Container are those of the OCI runtime specification, and besides:
//
//	copyup, tmpcopyup    options that package oci carries out: fill an empty directory
//	                     with what the image has there
//	U                    option of a bind mount: the shim gives the source tree to the
//	                     container's user
//	type overlay         of -v SRC:DST:O: the shim mounts a throw-away overlay of Source,
//	                     with the upper and work directory in the container's own, and
//	                     shows that
package create
