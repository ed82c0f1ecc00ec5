package main

import (
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/errs"
)

// noArguments refuses arguments with the word that was one too many.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return errs.WithHint(usage("%s: it takes no argument, and got %q", cmd.CommandPath(), args[0]),
		cmd.CommandPath()+" --help")
}
