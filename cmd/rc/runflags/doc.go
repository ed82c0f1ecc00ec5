// Package runflags is what rc run and rc create can be told: it declares their flags, reads them
// into Options, which pkg/container goes on with, and refuses what is wrong, all of it at once.
// Other verbs have some of the flags: update the limits, exec the variables, and build those
// that say something about the containers of RUN (StepFlags). generate and quadlet take
// command lines of run apart (ParseCommand).
//
// It runs nothing and asks no image: that is cmd/rc/container's.
package runflags
