// Package joint is rc-bridge: it keeps one container connected with its bridge networks. Its
// protocol is rc-net's (package network), whose work it does, too, for the container's own way
// to the world:
//
//	rc                     shim                          rc-bridge                   hub
//	 │ leases are taken      │                              │                         │
//	 ├─ plan ───────────────▶│                              │                         │
//	 │                       ├─ exec; 3=socket 4=netns     ▶│                         │
//	 │                       │  5=hub                       │                         │
//	 │                       ├─ Config (JSON) ─────────────▶│                         │
//	 │                       │                              ├─ bridges, interfaces ──▶│
//	 │                       │                              │  name server; uplink    │
//	 │                       │◀─ Answer{ready} ─────────────┤                         │
//	 │ rc network connect: a lease is taken                 │                         │
//	 ├─ net.sock: Request{connect, network} ───────────────▶├─ interface ────────────▶│
//	 │◀─ Reply ─────────────────────────────────────────────┤                         │
//	 │                       ├─ closes the socket ─────────▶├─ takes interfaces away ▶│
//
// What is to be there is on record (package bridge), so that one that is started again, after it
// was killed, goes on where it was. Its end ends its container's way to the world and name
// server, and no connection between containers.
package joint
