package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/config"
)

// app is what the verbs share: settings and streams. Flag parsing fills the settings
// before a verb's RunE is called.
type app struct {
	cfg    *config.Config
	stdin  *os.File
	stdout *os.File
	stderr *os.File
}

// runFunc is the end of a verb: table tests replace it to look at the options.
type runFunc[T any] func(ctx context.Context, a *app, opts *T) error

// noFiles completes nothing and keeps the shell from offering files.
var _ = cobra.ShellCompDirectiveNoFileComp
