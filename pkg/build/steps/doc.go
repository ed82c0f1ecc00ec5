// Package steps is the build cache on disk, below DataRoot/build. It is written in the default map by the worker
// of a build (package build/worker), and read by whoever deletes layers (package store) or lists the cache.
//
//	steps/<key>.json      a finished step: the layer that came of it. Its time of modification is that of its last use
//	locks/<key>           flock(2): held by the process that carries the step out, so that others wait for it
//	pins/<random>         layers that a running build relies on, one id in a line; its process holds an flock on it
//	mounts/<hash>/        a directory of RUN --mount=type=cache: info.json, data/, and a lock shared by its users
//	digests/<hash>        remembered digests of files and URLs (package build/files)
//
// # Who keeps what
//
// A layer that a record or a pin names is deleted by nobody but Prune (of package store). A pin is added under
// index.Hold, shared, and layers are deleted under the exclusive one; so whoever has added a pin, and then finds
// the layer in the store, keeps it.
//
// A killed build leaves a pin and locks that nobody holds: the next reader deletes the pin; locks are empty files.
package steps
