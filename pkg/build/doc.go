// Package build makes images of Dockerfiles. Like package image it has two halves: what is here is
// called on the host, the other half (package build/worker) is the program rc-image called with the word
// "build", in the default map, where the store and files of all subordinate ids can be reached:
//
//	rc build                                      rc-image build
//	 | userns.Start, newuidmap, newgidmap          |
//	 | Message{Options} -------------------------->| Dockerfile → plan (package dockerfile); base images
//	 |<------------------------- Message{Event} ---| steps begin, print, end: what progress shows
//	 |<--------------------------- Message{Run} ---| RUN: layers below, a directory for what it changes
//	 | Runner: a container like rc run's           | other stages go on meanwhile
//	 | Message{Ran} ------------------------------>| the directory becomes a layer
//	 |<------------------------ Message{Answer} ---| image recorded and named
//
// Messages are JSON values, one after the other, on a stream socket. Several RUNs may be under way. The end of
// the stream tells either side that the other has gone: the worker stops, and what it has begun (its
// staging directory) is swept by the next one that opens the store; the steps that it has finished are kept as
// build cache (package steps), and the next build goes on from there.
//
// The user namespace of all of these containers is the worker's: newuidmap is called once. Each has namespaces of its own besides;
// but the default network, whose helper takes longer to start than all else, steps use one after the other, as long as
// none leaves a connection in it (package container, step_network.go): never two at once, and not where RUN could
// change it (security.insecure, CAP_NET_ADMIN). The kernel ends a step's processes before the next one begins, so that nothing
// of the one can be reached by the other. resolv.conf is written for each step, and does not follow the host's while one runs.
//
// Containers of RUN run with --rm in directories of the worker's staging, so that nobody has to clean up after
// a killed build: shims notice that rc has gone.
package build
