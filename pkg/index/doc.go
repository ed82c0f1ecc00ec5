// Package index is the image index: which images there are, what they are called, how
// they want to be run and in which directories their layers lie. It is what `rc run`,
// `rc images` and `rc inspect` read, on the host, without a namespace and without opening
// the image store (package store, which writes it).
//
// # On disk
//
//	index.json            one JSON value per line: a header, then one line per image with
//	                      what a list needs (ids, names, digest, size); a name is found by
//	                      searching the bytes, so that only its line is ever decoded
//	images/<id>.json      the image's configuration and layers; never changes, since an id
//	                      is the configuration's digest
//	images.lock           flock(2): shared by whoever is about to make a container of an
//	                      image, exclusive by whoever deletes images
//	storage/overlay-*/    the store's own files
//
// # When it may be believed
//
// The store's library rewrites images.lock and layers.lock with a unique id before it
// changes images.json or layers.json. The header holds both ids and the identity (inode,
// size, time) of both JSON files, read before the index was built; they are compared with
// what is there now. A difference, a missing file or one that cannot be decoded makes the
// index stale, and a worker in the default map builds it anew (image.Refresh).
package index
