// Package export sends images out of the store: to a registry, into an archive or a directory. The layers' archives
// are read back from the store byte for byte, and compressed where the destination wants that.
//
// An image keeps the digest that it came with wherever its manifest can stay as it is. For each layer, in order:
//
//	the destination has the blob, or can mount it        nothing is sent
//	a recipe makes the blob of the archive               it is compressed on its way; one that comes out
//	                                                     otherwise is not committed at the destination
//	a registry that it came from has it still            it is copied from there
//	none of these                                        it is compressed anew: the manifest changes, which is told
//
// What was learned (which recipe, which registries) is remembered in the store.
package export
