// Package quadlet makes systemd user units of .container, .volume, .network, .build and .image
// files, as podman-systemd.unit(5) describes them. It reads files and computes; nothing is run, no
// bus is asked, so that a generator (systemd.generator(7)) can do it before anything else runs.
//
//	directories ──Load──▶ Set (sources with their drop-ins) ──Convert──▶ Units (text, links, what is wrong)
//	                                                                     │ Write, into a generator's directory
//	                                                                     │ or ~/.config/systemd/user
//
// A source with a mistake gets a unit, too: one that fails and says file, line and key, so that
// whoever starts it, or what needs it, learns why. Units name each other by what podman calls them:
// foo.container is foo.service, foo.volume foo-volume.service, and so on.
//
// What people install and remove is the business of pkg/quadlet/installed.
package quadlet
