package shim

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// makeHub makes the network namespace of the user's bridges, where nobody has one, at HubFD.
func (b *Birth) makeHub() error {
	made := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the namespace that it is in
		made <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("new network namespace: %w", err)
			}
			f, err := os.Open("/proc/thread-self/ns/net")
			if err != nil {
				return err
			}
			defer f.Close()
			if err := unix.Dup3(int(f.Fd()), HubFD, unix.O_CLOEXEC); err != nil {
				return fmt.Errorf("dup3: %w", err)
			}
			return nil
		}()
	}()
	if err := <-made; err != nil {
		return fmt.Errorf("network namespace for bridges: %w", err)
	}
	b.Hub = os.NewFile(HubFD, "hub")
	return nil
}
