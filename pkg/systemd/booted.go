package systemd

import "os"

// ErrNoSystemd is the ErrNoManager of a machine that systemd does not run.
var ErrNoSystemd error = noSystemd{}

type noSystemd struct{}

func (noSystemd) Error() string        { return "systemd does not run on this machine" }
func (noSystemd) Is(target error) bool { return target == ErrNoManager }

// BootedDir is there where systemd runs the machine: sd_booted(3).
const BootedDir = "/run/systemd/system"

// Booted says whether systemd runs this machine.
func Booted() bool {
	_, err := os.Lstat(BootedDir)
	return err == nil
}
