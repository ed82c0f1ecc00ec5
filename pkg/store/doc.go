// Package store keeps images: it is the only importer of go.podman.io/storage (driver
// overlay), and the writer of package index. It works in the default map only. No
// container is known to the library, and nothing is ever mounted by it: rc's roots
// are mounted by the shim (package overlay), from the layers' directories.
//
// # A new image
//
//	Stage     unpack a layer into storage/staging/<random>/, without a lock, side by side
//	          with other layers; the tar headers are kept, so that the same bytes can be pushed
//	Commit    rename it into the store; parents first, one process at a time
//	AddImage  syncfs(2), if one of its layers was not; record, configuration, manifest; its names at the very end
//	Refresh   write the index
//
// A process killed at any point leaves: a staging directory whose flock has gone (the next
// Open deletes it), a layer that no image uses (the next pull uses it, the next removal of
// an image deletes it), or an image without a name and perhaps without its configuration (the
// next Open that writes completes or deletes it). None of it is seen by a reader of the index.
//
// # Damage
//
// The library's lists of images and layers are copied to storage/saved/ whenever the index is written. A list
// that cannot be read is set aside, and the copy takes its place (mend.go). An image that lacks
// something is in no list but told of (index.Broken); one whose layers have lost their files gets
// them back when it is pulled or loaded again (refill.go). Check finds what only reading everything
// shows, and removes it if that is wanted. After a power cut images are whole; layers that no image had yet, and that nobody
// knows to have reached the disk, are as if they were not there (sync.go).
//
// # Locks
//
//	images.lock          package index: deleting images against making containers
//	storage/pulls.lock   shared by Open for writing while layers have no image yet; deleting
//	                     unused layers takes it exclusively, or leaves it for another day
//	storage/commit.lock  one commit at a time: the library replaces a layer that exists
//	storage/mend.lock    one process mends a list
//	storage/staging/*    each locked by the process that fills it
package store
