// Package events keeps the journal of what happened to containers and images, so that
// `rc events` can tell and other programs can wait for it. It is a file, not a service:
// whoever does a deed appends a line; nobody has to listen, and a journal that cannot be
// written is no reason for a deed to fail. It is not a record of state: that is package
// state, and what a lost line told is still to be read there.
//
//	Run/events      one JSON object per line, newest last
//	Run/events.1    the one before it, and so on up to events.3
//
// # Writing
//
//	open events       O_APPEND
//	flock shared      without waiting; after it, a look that events is still the file opened
//	write             one write(2) of one line, shorter than 4 KiB
//
// Where the file has grown past a limit, the writer tries for the exclusive lock first, renames, and
// begins a new one; if others are at it, the file grows a little more. So no line is
// ever written to a file that was renamed (but where a process was stopped amid renaming:
// then nobody waits for it, and a follower may miss a line).
//
// # Reading
//
// Readers lock nothing. They open all files, oldest first, and start again if events was
// renamed meanwhile. A follower watches the directory with inotify(7), reads to the end of
// its file, and goes on with the next when events is another file. A line that is torn (a
// full disk) is skipped; a whole one glued to its end is found. The order is that of the
// file: clocks jump.
package events
