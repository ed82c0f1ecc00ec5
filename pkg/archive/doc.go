// Package archive copies trees of files through tar streams: Pack writes one, Unpack makes
// files of it. The two run in different processes, in different user namespaces perhaps; what
// is between them is a pipe. It is for rc cp; image layers, which have whiteouts, are package
// layer's.
//
// # Who is trusted
//
// A container's files are somebody else's, and its processes can change them while they are
// copied. So
//
//	Pack     is given a descriptor of what to copy; below it nothing is opened through a
//	         symbolic link, and only regular files are ever opened for reading
//	Unpack   into a container resolves every name anew in the container's root directory
//	         (openat2(2), RESOLVE_IN_ROOT): links lead where they lead in the container, never out
//	Unpack   to the user's own files follows no link below the destination: a container could
//	         have put it there by an earlier copy
//
// A file is written beside its name, and renamed: readers see the old one or the new one, and
// a full disk leaves the old one.
//
// # What comes along
//
// Modes, times, owners where they can be set, symbolic and hard links, fifos, holes, user.*
// attributes and file capabilities. Sockets are left out, and so are device nodes where
// something is unpacked: an ordinary user cannot make them. Each is told to Warn.
package archive
