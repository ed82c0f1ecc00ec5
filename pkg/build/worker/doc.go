// Package worker carries builds out: it is the program rc-image called with the word "build" (package build draws
// what it says to rc). It runs in the default map with the store open.
//
//	main.go      the program: one build, one answer
//	host.go      the connection with rc; commands of RUN go there
//	progress.go  what progress shows
//	builder.go   one build: the Dockerfile, its contexts, the stages that are needed
//	stage.go     a stage: its base, one step after the other; stages wait for each other where they need to
//	layer.go     a step's layer: from the cache, or made, committed and recorded
//	key.go       what a step's outcome depends on
//	base.go      images, from the store or pulled
//	copy.go      COPY, ADD and WORKDIR
//	run.go       RUN; mount.go what it mounts
//	image.go     configuration, history and manifest of the result; squash.go its layers in one
//	export.go    files instead of an image
//	cachefrom.go, cacheto.go   steps from elsewhere, and for others (package exchange)
//
// # What holds what
//
// Locks are taken in this order, so that nobody waits for somebody who waits for him: the step's key (steps.Acquire),
// cache mounts in the order of their directories, a slot of Jobs. Who has a slot waits for no lock but those of
// the store, which are short.
package worker
