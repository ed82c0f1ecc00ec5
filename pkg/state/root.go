package state

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path/filepath"
)

// Names of the files of a container.
const (
	containerFile = "container.json"
	summaryFile   = "summary.json"
	stateFile     = "state.json"
	exitFile      = "exit.json"
	healthFile    = "health.json"
	networkFile   = "network.json"
	stoppedFile   = "stopped"
)

// Root is where the records are. Neither directory has to exist before the first Create.
type Root struct {
	Data string // survives a reboot
	Run  string // does not
}

// Dir is the directory of a container.
func (r Root) Dir(id string) string { return filepath.Join(r.containersDir(), id) }

// RunDir is the directory of a container that is gone after a reboot.
func (r Root) RunDir(id string) string { return filepath.Join(r.runsDir(), id) }

// NamePath is the symbolic link that reserves a name.
func (r Root) NamePath(name string) string { return filepath.Join(r.namesDir(), name) }

// TrashDir is where the directories of removed containers go; EmptyTrash deletes them.
func (r Root) TrashDir() string { return filepath.Join(r.Data, "trash") }

func (r Root) containersDir() string { return filepath.Join(r.Data, "containers") }
func (r Root) runsDir() string       { return filepath.Join(r.Run, "containers") }
func (r Root) namesDir() string      { return filepath.Join(r.Data, "names") }

// idLength is the number of hex digits of a container's id.
const idLength = 64

// GenerateID is a random container id: 64 hex digits.
func GenerateID() (string, error) {
	var b [idLength / 2]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("container id: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// isHex says whether s could be an id or the beginning of one.
func isHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != "" && len(s) <= idLength
}

func isID(s string) bool { return len(s) == idLength && isHex(s) }
