// Package files does COPY, ADD and WORKDIR: it reads build contexts and layers, and writes layers, without mounting
// anything and without running anything but git.
//
//	OpenContext, OpenLayers   a Source: what is copied from
//	Prepare                   patterns and links are resolved, files chosen: nothing is read but directories
//	(*Prepared).Key           a digest of all that decides about the outcome: contents (remembered ones are not
//	                          read again, see Memory), names, modes, and the instruction itself
//	(*Prepared).Apply         the layer on top of others, staged for store.Commit: each file is read once, written, and
//	                          accounted for in the archive's digest on the way
//
// What is copied where, with which attributes, follows BuildKit's file operations (docs/reference.md, COPY and ADD). Where
// they leave something to chance it is decided here: times are whole seconds, as archives have them; directories that
// only lie on the way keep theirs; entries are sorted.
//
// # Who is trusted
//
// Contexts are the user's, layers are anybody's. Names in either are resolved component by component, in directories that
// are open already, never by the kernel through a symbolic link: links lead where they lead in the source, and at most to
// its root. A file that is not what was chosen when it is opened, or changes while it is read, is ErrChanged.
package files
