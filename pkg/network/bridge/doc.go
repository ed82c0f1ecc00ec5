// Package bridge knows which bridge networks there are and which addresses in them are taken.
// It touches no interface: package link does, in rc-bridge.
//
// A network is a file, $XDG_DATA_HOME/rc/networks/NAME.json, in podman's form; the default
// network is there without one. Who is on a network is a file for each container, a lease,
// $XDG_RUNTIME_DIR/rc/networks/NAME/ID: addresses, and the names by which others find it. It is
// written before the container starts and goes with its shim; whatever a killed one leaves is
// taken away by the next who wants an address, and by the next sweep.
//
//	networks/lock          held while a network is made, changed or removed
//	networks/NAME.lock     in the runtime directory: held while a lease is made; it holds the
//	                       last address that was given, so that none is given again soon
//	hub/                   in the runtime directory: who holds the network namespace that the
//	                       bridges are in (package hub)
package bridge
