package cli

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/userns"
)

// App is what the verbs share: settings and streams. Flag parsing fills the settings
// before a verb's RunE is called.
type App struct {
	Config *config.Config
	Stdin  *os.File
	Stdout *os.File
	Stderr *os.File
	// Version is what the linker was told, "" if nothing.
	Version string
	// Started is when rc began, for --debug.
	Started time.Time
	// InUserns says that this process is rc again, in the default map's user namespace.
	InUserns bool
	// Global are the global flags as given; Load makes Config of them.
	Global config.Flags
	// Processors is how many the runtime is to use for verbs that are not Serial; 0 is those that it uses.
	Processors int
}

// RunFunc is the end of a verb: table tests replace it to look at the options.
type RunFunc[T any] func(ctx context.Context, a *App, opts *T) error

// Load makes a.Config, once, and sets the log up. The root command calls it before a verb's RunE; completions,
// which run without that, call it themselves.
func (a *App) Load() error {
	if a.Config != nil {
		return nil
	}
	cfg, err := config.Load(a.Global)
	if err != nil {
		return err
	}
	a.Config = cfg
	setLog(a.Stderr, cfg, a.Started)
	slog.Debug("settings read", "files", cfg.Files, "root", cfg.DataRoot, "runroot", cfg.RunRoot)
	return nil
}

// Streams are the caller's.
func (a *App) Streams() session.Streams {
	return session.Streams{In: a.Stdin, Out: a.Stdout, Err: a.Stderr}
}

// Finished is the last stage of --debug: what all of them took together.
func (a *App) Finished(code int) {
	if a.Config != nil && a.Config.Debug {
		slog.Debug("finished", "code", code, "total", time.Since(a.Started).Round(time.Microsecond))
	}
}

// Reexecute runs rc again in the default map; its exit code becomes ours. args are those
// that rc was called with; before them come the directories as decided here, since the uid
// by which they would be decided is another there. What the user said comes later and counts.
func (a *App) Reexecute(ctx context.Context, args ...string) error {
	ids, err := userns.DefaultMap(ctx)
	if err != nil {
		return err
	}
	container.TellSingle(a.Stderr, a.Config, ids)
	slog.Debug("rc again, in the default map", "uids", ids.UIDs, "gids", ids.GIDs, "args", args)
	directories := []string{"--root", a.Config.DataRoot, "--runroot", a.Config.RunRoot, "--tmpdir", a.Config.TmpDir}
	code, err := userns.Reexec(ctx, ids, append(directories, args...))
	if err == nil && code != 0 {
		err = errs.Exit(code)
	}
	return err
}
