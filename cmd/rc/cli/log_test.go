package cli

import (
	"bytes"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/config"
)

func TestSetLog(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	for _, word := range config.LogLevels() {
		for _, test := range []struct {
			level  slog.Level
			others []string // at which it is not printed
		}{
			{slog.LevelDebug, []string{"info", "warn", "warning", "error", "fatal", "panic"}},
			{slog.LevelInfo, []string{"warn", "warning", "error", "fatal", "panic"}},
			{slog.LevelWarn, []string{"error", "fatal", "panic"}},
			{slog.LevelError, []string{"fatal", "panic"}},
		} {
			var out bytes.Buffer
			setLog(&out, &config.Config{LogLevel: word}, time.Now())
			slog.Log(t.Context(), test.level, "text", "key", "two words")
			want := true
			for _, other := range test.others {
				want = want && other != word
			}
			line := regexp.MustCompile(`^time=\S+ level=` + test.level.String() + ` msg=text key="two words"\n$`)
			if want != line.MatchString(out.String()) || !want && out.Len() > 0 {
				t.Errorf("--log-level %s, %v: %q", word, test.level, out.String())
			}
		}
	}
}

func TestSetLogDebug(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	var out bytes.Buffer
	setLog(&out, &config.Config{LogLevel: "debug", Debug: true}, time.Now().Add(-time.Second))
	slog.Debug("one", "time", "a word of the message's own")
	slog.Debug("two")
	line := regexp.MustCompile(`^at=1\.\d+s took=1\.\d+s level=DEBUG msg=one time="a word of the message's own"
at=1\.\d+s took=\d+(\.\d+)?µs level=DEBUG msg=two
$`)
	if !line.MatchString(out.String()) {
		t.Errorf("%s", out.String())
	}
}
