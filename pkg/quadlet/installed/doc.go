// Package installed puts quadlets where rc reads them and takes them away again. Where no generator
// of rc's makes units of them (a user's own installation; a machine on which podman's does), it
// writes the units itself, into ~/.config/systemd/user, where systemd prefers them to a generator's.
//
//	rc quadlet install          ~/.config/containers/systemd          ~/.config/systemd/user
//	  │ files are read, checked as the generator would
//	  │ .NAME.app: what belongs together ──▶ │
//	  │ each file, by rename ──────────────▶ │
//	  │ units of what rc installed, and of what they need ───────────▶ │ (without a generator)
//	  │ daemon-reload, over D-Bus
//
// A call that is killed leaves whole files; the same call with --replace, or rm, goes on from there.
package installed
