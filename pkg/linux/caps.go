package linux

import (
	"errors"

	"golang.org/x/sys/unix"
)

// The calls in this file act on the calling thread: lock the goroutine to it first.

// DropBounding takes every capability that is not in keep out of the bounding set. It
// needs CAP_SETPCAP.
func DropBounding(keep uint64) error {
	for i := range 64 {
		if keep&(1<<i) != 0 {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(i), 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			return nil // past the last one that this kernel knows
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// SetCapabilities sets the three sets of the calling thread.
func SetCapabilities(effective, permitted, inheritable uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{
		{Effective: uint32(effective), Permitted: uint32(permitted), Inheritable: uint32(inheritable)},
		{Effective: uint32(effective >> 32), Permitted: uint32(permitted >> 32), Inheritable: uint32(inheritable >> 32)},
	}
	return unix.Capset(&header, &data[0])
}

// Capabilities are the calling thread's three sets.
func Capabilities() (effective, permitted, inheritable uint64, err error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, 0, 0, err
	}
	join := func(low, high uint32) uint64 { return uint64(low) | uint64(high)<<32 }
	return join(data[0].Effective, data[1].Effective), join(data[0].Permitted, data[1].Permitted),
		join(data[0].Inheritable, data[1].Inheritable), nil
}

// SetAmbient makes set the ambient capabilities: those that survive execve of an ordinary
// program by an ordinary user. They have to be permitted and inheritable.
func SetAmbient(set uint64) error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	for i := range 64 {
		if set&(1<<i) == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(i), 0, 0); err != nil {
			return err
		}
	}
	return nil
}
