// Package link connects a container's network namespace with bridges in another one, the hub
// (package hub), by pairs of virtual interfaces. What is to be there is data (Plan), computed of a
// network's record and a container's lease; Attach makes it so, whatever of it is there already.
//
//	container's namespace        hub: no way from one bridge to another, nor out of it
//	  eth0 10.89.0.5 ────────────── v3f9c… ┐
//	                                       ├ rc1 10.89.0.1
//	  another's eth0 ────────────── v81d0… ┘
//	  tap0 ──── slirp4netns or pasta: the container's own way to the world (package network)
//
// The container's name server is 127.0.0.11, by a rule in its own namespace that leads port 53
// of that address to the port of package names: the container can serve port 53 on all its addresses.
package link
