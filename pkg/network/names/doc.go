// Package names answers a container's questions for names: of containers on its networks by
// themselves, others by asking on. It looks at the leases (package bridge) at each question, so
// that whoever joins or leaves a network is known, or unknown, from that moment on.
//
// Each container has its own server, in rc-bridge, on a port of its own namespace's loopback
// (package link leads port 53 of 127.0.0.11 there). So no name server's end or restart is
// another container's, nobody is told names of networks that he is not on, and there is no port
// 53 that a container could not have. Questions for others' names are asked from the host's
// namespace, of the host's name servers as they are at that moment, even where those are on its
// loopback (systemd-resolved); name servers that the user gave are asked from the container's.
package names
