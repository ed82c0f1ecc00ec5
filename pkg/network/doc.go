// Package network connects a container to the world in user mode: through slirp4netns or
// pasta (passt). It plans on the host side and carries out in rc-net, a helper that the
// shim starts; what is to be done is data (Plan), so that the helper decides nothing.
// Bridges, published ports and names between containers are a later issue's.
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
//	 │                       │◀─ Answer{ready, ip, dns …} ─┤                        │
//	 │                       │  or Answer{error, hint}     │ waits for either end   │
//	 │                       │◀─ Answer{error} ────────────┤◀─ the program ends     │
//	 │                       ├─ closes the socket ────────▶├─ SIGKILL ─────────────▶│
//
// rc-net stays as the program's parent: it tells the shim when the program dies. Whatever
// ends the shim ends both, by the outer pid namespace; whatever ends rc-net ends the
// program by PR_SET_PDEATHSIG, set on the main thread, which lives as long as the process.
//
// rootlesskit's drivers for the two programs (v3.3.0) are not used: they enter the
// namespace by `nsenter -U` and tell pasta to join its user namespace, which gives EINVAL and
// EACCES where that is the caller's own, as the shim's is; and before that they execute
// slirp4netns once (1.5 ms) or pasta three times (10 ms) to ask for features. So the
// programs are started here, with argument lists computed as data.
//
// slirp4netns is the default where it is installed. Measured with Debian 12's versions on
// a 2-core machine, busy with other work, from the start of rc-net to its answer: slirp4netns
// with sandbox and filter 4.8 ms at best, 5.9 in the middle, 1.1 MB; pasta 16 ms and 18 ms,
// 20 MB. pasta has the better throughput and shows the host's addresses.
package network
