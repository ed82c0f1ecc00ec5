// Package files is for the files of containers that exist: rc cp, rc diff, rc mount.
//
// Files of a container belong to subordinate ids, so that whatever touches them runs in a
// user namespace with the default map:
//
//	a container that runs      rc joins its shim's namespace (userns.Join) and finds everything
//	                           below /proc/PID/root of the first process: volumes and tmpfs too
//	one that does not run      rc runs again in a new one, and mounts the container's layers and
//	                           its volumes there, with the container's lock held: nobody starts
//	                           it meanwhile. To read, the mount has no upper directory, and
//	                           nothing on disk changes
//
// # Copying
//
//	rc cp ./src web:/dst             rc -> side
//	rc cp web:/src ./dst             side -> rc
//	rc cp web:/src db:/dst           side -> side
//
// A side is rc once more, in a container's namespace (SideVerb). What goes from one to the other
// is a tar stream through a pipe (package archive). rc itself reads and writes the user's own files
// with the user's own rights. The side that writes decides where to from the first entry, before
// it changes anything. Each says on its standard error what is wrong; a side whose reader has
// gone says nothing, and ends with codePipe.
package files
