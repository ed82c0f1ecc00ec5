// Package driver says what the options of volumes mean: those of docker's and podman's driver
// local, type=, device=, o= and their like. Package volume, which the shim links too, is told.
package driver
