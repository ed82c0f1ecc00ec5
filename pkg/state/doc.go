// Package state keeps rc's records of containers: small files, written whole, read
// without locks. The file system is the database. It is not for images (package index)
// and starts nothing.
//
//	Data/containers/<id>/container.json   spec.Container: that it is there makes the container
//	                     summary.json     spec.Summary: what ps needs
//	                     exit.json        spec.Exit
//	Data/names/<name> → ../containers/<id>
//	Data/trash/<id>                       what is removed, waiting to be deleted
//	Run/containers/<id>/state.json        spec.State; gone after a reboot
//
// # Creating
//
//	mkdir Run/containers/<id>    first, so that Sweep sees every unfinished creation
//	mkdir Data/containers/<id>
//	flock the latter             until the creator closes Dir, or dies
//	symlink Data/names/<name>    EEXIST: the name is taken
//	container.json, summary.json
//
// A directory without container.json whose flock is free is what a dead creator left:
// garbage. A name that leads to garbage, or nowhere, is free. Names are unlinked only
// with Data/names flocked and after a look at where they lead, so that nobody unlinks a
// name which somebody else just took.
//
// # Reading
//
// A container runs if state.json is there and the shim in it lives (pid and start time).
// It has exited if exit.json is there. The shim writes an exit.json with code 137 and no
// time of the end when it starts, and the true one at the end: so a shim that was killed, or
// lost its power, has left the truth. A container with spec.Container.Remove whose shim
// has gone is not listed; Sweep takes it away.
//
// # Changing
//
// Whoever rewrites container.json and summary.json holds a flock on the file lock beside them
// (Update, Rename). A rename makes the new name, writes the record, and unlinks the old name:
// killed in between, both names lead to the container, until the next rename or its removal.
//
// # Removing
//
// Unlink the name, rename the directory into trash/, answer; with the directory locked, so
// that nobody starts what is about to go (Hold, Lock). The files of a container belong to
// subordinate ids, so that EmptyTrash must run in the default map.
package state
