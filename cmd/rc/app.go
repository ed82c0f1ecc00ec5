package main

import (
	"context"
	"os"

	"github.com/rc-containers/rc/pkg/config"
)

// app is what the verbs share: settings and streams. Flag parsing fills the settings
// before a verb's RunE is called.
type app struct {
	cfg    *config.Config
	stdin  *os.File
	stdout *os.File
	stderr *os.File
	// inUserns says that this process is rc again, in the default map's user namespace.
	inUserns bool
	// completing says that the whole tree of commands is made, with the completions of their
	// flags: it is not for a plain call of a verb.
	completing bool
	// global are the global flags as given; load makes cfg of them.
	global config.Flags
}

// runFunc is the end of a verb: table tests replace it to look at the options.
type runFunc[T any] func(ctx context.Context, a *app, opts *T) error

// load makes a.cfg, once. The root command calls it before a verb's RunE; completions,
// which run without that, call it themselves.
func (a *app) load() error {
	if a.cfg != nil {
		return nil
	}
	cfg, err := config.Load(a.global)
	if err != nil {
		return err
	}
	a.cfg = cfg
	return nil
}

// reexecArgs are the arguments for rc in a user namespace: args (those that rc was called
// with), after the directories as decided here, since the uid by which they would be
// decided is another there. What the user said comes later and counts.
func (a *app) reexecArgs(args []string) []string {
	return append([]string{
		"--root", a.cfg.DataRoot, "--runroot", a.cfg.RunRoot, "--tmpdir", a.cfg.TmpDir,
	}, args...)
}
