package linux

import (
	"golang.org/x/sys/unix"
)

// The calls in this file act on the calling thread: lock the goroutine to it first.

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
