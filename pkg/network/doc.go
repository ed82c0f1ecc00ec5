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
// rootlesskit's drivers for the two programs are not used: they enter the namespace by
// executing nsenter and ip(8) three times over, execute the program twice or more to ask for
// its features, want a process id in place of a namespace, and do not pass slirp4netns
// its --configure or --outbound-addr (BenchmarkDrivers has the figures). What they know of
// arguments and addresses is here, as data.
//
// slirp4netns is the default where it is installed: it is ready 5 times sooner than pasta
// and takes a hundredth of its memory. pasta is faster in throughput, and shows the host's
// addresses.
package network
