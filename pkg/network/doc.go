// Package network connects a container to the world in user mode: through slirp4netns or
// pasta (passt). It plans on the host side and carries out in rc-net, a helper that the
// shim starts; what is to be done is data (Plan), so that the helper decides nothing.
// Bridges and names between containers are in the packages below it.
//
//	rc                     shim                         rc-net               slirp4netns, pasta
//	 │ NewPlan, ResolvConf   │                             │                        │
//	 ├─ plan ───────────────▶│                             │                        │
//	 │                       ├─ exec; 3=socket 4=netns ───▶│                        │
//	 │                       ├─ Plan (JSON) ──────────────▶│                        │
//	 │                       │                             ├─ exec; 3=netns 4=pipe ▶│
//	 │                       │                             │                        │ tap, address,
//	 │                       │                             │                        │ route, lo
//	 │                       │                             │◀──── a byte in the pipe┤
//	 │                       │◀─ Answer{ready, link}      ─┤                        │
//	 │                       │  or Answer{error, hint}     │ waits for either end   │
//	 │                       │◀─ Answer{lost} ─────────────┤◀─ the program ends     │
//	 │                       │◀─ Answer{ready …} ──────────┤  another one is started│
//	 │                       ├─ closes the socket ────────▶├─ SIGKILL ─────────────▶│
//
// rc-net stays as the program's parent. When the program dies, rc-net tells the shim (Answer.Lost)
// and starts another one in its place (Answer.Ready again), up to five times in a row; it keeps the
// container's resolv.conf like the host's meanwhile. When rc-net is killed, the shim ends the program and
// starts another rc-net. Events (network_lost, network_restored) and inspect tell of both. Whatever
// ends the shim ends all, by the outer pid namespace; whatever ends rc-net ends slirp4netns by
// PR_SET_PDEATHSIG, set on the main thread, which lives as long as the process.
//
// # Ports
//
// rc takes published ports before anything is started (Reserve): it binds to them, without
// listening, until the command runs. So an error comes first, says by whom a port is taken, and
// a port that rc has chosen is nobody else's meanwhile. Who listens then:
//
//	pasta         itself, by its own options        the client's address is kept
//	slirp4netns   rc-net (forwarder)                everything comes from the container's own
//	  port_handler=slirp4netns  itself, by its API  the client's address is kept; IPv4 only
//
// Limits of the programs, as of Debian 12: a container of pasta's does not answer to connections from the
// host to the host's own address other than 127.0.0.1 without --map-gw, since that address is its
// own, too; and neither program answers to datagrams that come from the host itself.
//
// # Bandwidth
//
// Rates (limitRate) are token buckets on the container's interface: packets that never pass it, from
// the host's 127.0.0.1 through pasta or between containers on a bridge network, are not limited.
//
// # The programs
//
// rootlesskit's drivers for the two programs (v3.3.0) are not used: they enter the
// namespace by `nsenter -U` and tell pasta to join its user namespace, which gives EINVAL and
// EACCES where that is the caller's own, as the shim's is; and before that they execute
// slirp4netns once (1.5 ms) or pasta three times (10 ms) to ask for features. So the
// programs are started here, with argument lists computed as data.
//
// # The default
//
// slirp4netns is the default where it is installed, pasta where ports are published. Measured with
// Debian 12's versions (slirp4netns 1.2.0, passt of March 2023) on a 2-core machine, busy with other work:
//
//	                                             slirp4netns   pasta    podman + slirp4netns
//	rc-net's start to its answer, best, ms       4.8           16
//	run --rm alpine true, best, ms               34            68       527
//	128 MB container → host, TCP, best, s        3.0           1.6      5.3
//	128 MB published port → client, best, s      2.2 (1.8 by its own handler)  1.9   2.8
//	20,000 datagrams container → host, median, s 0.34          0.28     0.35
//	500 connections container → host, median, ms 108           84       112
//	500 connections → published port, median, ms 128 (85 by its own handler)   87    179
//	memory of the program, PSS, MB               1.3           20
//	client's address                             lost, or slower   kept
//	IPv6                                         yes           yes
//	a host without a default route               starts        does not
//	host's addresses in the container            no            yes
//	a new name server of the host's              at once       by resolv.conf
//
// rc-net itself has 3.7 MB, most of it shared by all that run. So a container that only goes out
// has the one that is ready sooner and smaller; one that is asked by others has the one that shows
// who asks. Without a default route, pasta is passed over. containers.conf's
// default_rootless_network_cmd decides otherwise.
package network
