// Package systemd asks a user's systemd manager for scopes: units that consist of processes which
// somebody else started. It is the only package that speaks D-Bus, and it knows no containers.
//
//	rc                          bus                  systemd --user              kernel
//	│ connect, EXTERNAL ──────▶ │
//	│ Hello ──────────────────▶ │
//	│ AddMatch JobRemoved ────▶ │ (no reply wanted: the bus keeps the order)
//	│ StartTransientUnit ─────▶ │ ───────────────────▶ │ mkdir, chown, move pids ──▶ │ 12 ms: RCU
//	│ ◀──────────────────────── job ────────────────── │
//	│ ◀──────────────────────── JobRemoved done ────── │
//
// Nothing is started that does not run: no bus is launched, no manager either. Where no bus or no
// manager answers, errors are ErrNoManager (ErrNoSystemd where none can), so that callers can go on without a scope. A bus
// or manager that is silent for two seconds counts as absent too; one that is busy with other
// units shows it by their JobRemoved signals, and is waited for longer.
package systemd
