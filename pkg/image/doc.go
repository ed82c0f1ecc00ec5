// Package image has the verbs on images: pull, load, import, tag, untag, remove, resolve,
// list. They are called on the host. What needs only the index (package index) happens right here;
// what touches the store is done by a worker program, rc-image (package image/worker), which
// this package starts in the default map:
//
//	rc                                           rc-image
//	 | userns.Start, newuidmap, newgidmap         |
//	 | request: verb, config, options as JSON --->| recvmsg(3) returns: it has its ids now
//	 |                                            | works; progress goes to its stderr
//	 |<----------- answer: result, or the error   |
//	 | wait                                       | exit
//
// The socket's end of file tells the worker that rc is gone, or has been interrupted; it
// then stops, and deletes what it has begun. The worker is a program of its own because what it
// links (the registry client, the storage library) costs 2.5 ms at the start of every
// process, and `rc run` needs none of it.
package image
