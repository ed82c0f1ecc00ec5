package oci

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Execution domains of personality(2), <linux/personality.h>.
const (
	perLinux   = 0
	perLinux32 = 8 // uname(2) says i686
)

func (o *order) addPersonality(l *specs.Linux) error {
	if l == nil || l.Personality == nil {
		return nil
	}
	if len(l.Personality.Flags) > 0 {
		return fmt.Errorf("personality: the runtime specification has no flags: %w", errs.ErrInvalid)
	}
	domain, ok := map[specs.LinuxPersonalityDomain]uint32{specs.PerLinux: perLinux, specs.PerLinux32: perLinux32}[l.Personality.Domain]
	if !ok {
		return fmt.Errorf("personality %q: want %s or %s: %w", l.Personality.Domain, specs.PerLinux, specs.PerLinux32, errs.ErrInvalid)
	}
	o.persona, o.setPersona = domain, true
	return nil
}

// setPersonality comes before the filter, which may refuse other values than the usual ones.
func (c *child) setPersonality() error {
	if !c.setPersona {
		return nil
	}
	if _, _, errno := unix.Syscall(unix.SYS_PERSONALITY, uintptr(c.persona), 0, 0); errno != 0 {
		return fmt.Errorf("personality %#x: %w", c.persona, errno)
	}
	return nil
}
