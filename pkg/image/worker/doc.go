// Package worker is the program rc-image: the part of package image that works on the store, in the
// default map. Its protocol is drawn in package image.
//
// Every way into the store is the same pipeline: a source (a registry, an archive, a root
// filesystem) says which layers there are and opens them; layers that the store has are
// not opened at all; the others are read, verified, decompressed and unpacked side by
// side, and committed in order; then the image is recorded and named, and the index written.
package worker
