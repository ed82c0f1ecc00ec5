// Package autoupdate restarts the units whose containers' images have changed, as podman auto-update does.
// A container asks for it by a label, and another one names the unit that makes it anew at each start:
//
//	look for changes ──▶ pull ──▶ restart the unit (D-Bus), wait for the job
//	                                │ fails: the name goes back to the old image, and once more
package autoupdate
