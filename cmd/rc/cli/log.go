package cli

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/rc-containers/rc/pkg/config"
)

// setLog makes slog's default logger write to w as the settings say. It is the only place
// that does; whoever logs calls slog.Debug with what it has at hand.
func setLog(w io.Writer, cfg *config.Config, started time.Time) {
	options := &slog.HandlerOptions{Level: logLevel(cfg.LogLevel)}
	if cfg.Debug {
		options.ReplaceAttr = stages(started)
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(w, options)))
}

// logLevel is slog's for a word of config.LogLevels. What podman's words say beyond slog's
// lies at the ends of its scale.
func logLevel(word string) slog.Level {
	switch word {
	case "trace":
		return slog.LevelDebug - 4
	case "debug":
		return slog.LevelDebug
	case "info":
		return slog.LevelInfo
	case "error":
		return slog.LevelError
	case "fatal", "panic":
		return slog.LevelError + 4
	}
	return slog.LevelWarn
}

// stages puts in place of the time of day how long rc has been at work, and how much of
// that went by since the line before.
func stages(started time.Time) func([]string, slog.Attr) slog.Attr {
	var before atomic.Int64
	return func(groups []string, attr slog.Attr) slog.Attr {
		if len(groups) > 0 || attr.Key != slog.TimeKey || attr.Value.Kind() != slog.KindTime {
			return attr
		}
		at := time.Since(started)
		took := at - time.Duration(before.Swap(int64(at)))
		// A group without a name stands for its members.
		return slog.Group("", slog.Duration("at", at.Round(time.Microsecond)), slog.Duration("took", took.Round(time.Microsecond)))
	}
}
