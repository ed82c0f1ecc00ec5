package container

import (
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/userns"
)

// TestTellSingle: told once, also where the data directory is not there yet.
func TestTellSingle(t *testing.T) {
	cfg := &config.Config{DataRoot: t.TempDir() + "/new"}
	var told strings.Builder
	for range 2 {
		TellSingle(&told, cfg, userns.Map{})
	}
	if strings.Count(told.String(), "\n") != 1 || !strings.Contains(told.String(), "subordinate ids") {
		t.Errorf("told %q", told.String())
	}
}
