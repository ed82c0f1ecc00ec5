package cli

import (
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/errs"
)

// NoEnd is a time that does not come: what --time -1 is.
const NoEnd = 40_000_000 // seconds; a year and a bit

// StopTimeout is what containers have between the stop signal and SIGKILL.
type StopTimeout struct{ seconds int }

// Add declares podman's and docker's names for it. More is what is to be said besides.
func (s *StopTimeout) Add(cmd *cobra.Command, more string) {
	flags := cmd.Flags()
	flags.IntVarP(&s.seconds, "time", "t", 0,
		"Seconds between the stop signal and SIGKILL, -1 for no limit"+more+" (default the container's own, 10)")
	flags.IntVar(&s.seconds, "timeout", 0, "The same as --time")
	flags.Lookup("timeout").Hidden = true
}

// Value is what was given, nil for nothing.
func (s *StopTimeout) Value(cmd *cobra.Command) (*uint, error) {
	name := "time"
	if cmd.Flags().Changed("timeout") {
		name = "timeout"
	}
	switch {
	case !cmd.Flags().Changed(name):
		return nil, nil //nolint:nilnil // not given is no error
	case s.seconds < -1:
		return nil, errs.Invalidf("--%s %d: want seconds, or -1 for no limit", name, s.seconds)
	case s.seconds < 0:
		return new(uint(NoEnd)), nil
	}
	return new(uint(s.seconds)), nil
}
