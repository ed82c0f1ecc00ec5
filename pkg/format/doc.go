// Package format prints rows of data the way a user asked for with --format: as a table,
// as JSON, or through a Go template, as docker and podman do. It also has the sizes and
// times that people read. What is printed is decided by the caller; nothing here knows
// containers or images.
//
// A row is a struct. Its exported fields and its methods without arguments are the
// fields of templates; a template that names another one is refused with a list of them,
// before anything is printed and whether or not there are rows.
package format
