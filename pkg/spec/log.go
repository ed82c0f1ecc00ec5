package spec

import (
	"path/filepath"
)

// LogFile is the name of a log in a container's directory.
const LogFile = "ctr.log"

// File is the path of the log file of a container whose directory is dir: for drivers k8s-file
// and json-file, that is.
func (l Log) File(dir string) string {
	if l.Path != "" {
		return l.Path
	}
	return filepath.Join(dir, LogFile)
}

// LogDrivers are the words of --log-driver; the first is the default.
func LogDrivers() []string {
	return []string{"k8s-file", "json-file", "journald", "none", "passthrough"}
}
