// Package logs keeps what containers print and reads it back. The shim writes, `rc logs`
// reads; the two never wait for each other, and share nothing but files (or the journal).
//
// # Files
//
// Drivers k8s-file and json-file write one record to a line of ctr.log, so that the last
// newline of a file is where its last whole record ends:
//
//	2006-01-02T15:04:05.999999999+01:00 stdout F a whole line
//	2006-01-02T15:04:05.999999999+01:00 stdout P a piece of a line whose rest follows
//	{"log":"a whole line\n","stream":"stdout","time":"2006-01-02T14:04:05.999999999Z"}
//
// Lines longer than 16 KiB are cut into pieces. A write that the file system does not take in
// full is undone to the end of a record; once there is room again, a record on stderr says how
// much is missing. What a killed shim has left half written is cut off by the next one, and
// not looked at by readers.
//
// # Rotation
//
//	writer                                reader that follows
//	  create ctr.log.new                    holds what it has not read open, each with a shared flock
//	  ctr.log.1 → ctr.log.2, …
//	  ctr.log → ctr.log.1
//	  ctr.log.new → ctr.log                 is woken: opens and locks the new file at once
//	  …                                     reads the older file to its end, and lets it go
//
// The oldest file goes when a rotation needs its place. While a follower is still in it the
// writer puts the rotation off, up to a bound (see slack): a follower that is behind loses
// nothing that it can catch up with, and one that has stopped does not fill the disk. Since the
// files are opened at once they may be deleted, too: the writer's Close waits a moment for that.
//
// # Journal
//
// Driver journald speaks systemd's native protocol, with podman's field names.
package logs
