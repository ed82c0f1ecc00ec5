// Package build is rc build: its flags, the progress of a build, and what becomes of what it has made; and rc builder,
// which looks after the build cache. The building itself is package build's below pkg.
package build
