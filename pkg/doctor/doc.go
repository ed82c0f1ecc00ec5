// Package doctor looks whether this machine has what rc needs for an ordinary user, by trying it:
// a user namespace is made, an overlay is mounted, a container is run. Each check is a value (Check)
// that gives findings as data: what is so, or is not, and the commands that mend it. Nothing is
// printed here, and nothing is changed but by Fix; what a check makes it takes away again.
//
//	rc doctor            pkg/doctor                     rc __doctor PROBE
//	   │ Run(checks) ──────▶│ each, in order, with a limit │
//	   │                    ├─ reads /proc, /etc, …        │
//	   │                    ├─ starts rc itself ──────────▶│ in a user namespace, or as a container's
//	   │                    │◀──────────── what it found ──┤ command (Probe)
//	   │◀─ Result ──────────┤
//
// A check does not say what another one says: one whose needs are not met is left out.
// Errors elsewhere in rc name a check by errs.WithCheck.
package doctor
