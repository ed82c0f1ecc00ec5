package parse

import (
	"github.com/rc-containers/rc/pkg/spec"
)

// NotifyModes are the values of --sdnotify.
func NotifyModes() []string {
	return []string{spec.NotifyConmon, spec.NotifyContainer, spec.NotifyHealthy, spec.NotifyIgnore}
}

// Notify parses --sdnotify.
func Notify(value string) (string, error) { return Choice(value, NotifyModes()...) }
