package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// MaxSize is how many bytes a secret can have: podman's limit.
const MaxSize = 512000

// Secret is what is known of a secret, without the data.
type Secret struct {
	Name    string            `json:"-"` // the directory says it
	ID      string            `json:"id"`
	Created time.Time         `json:"created"`
	Updated time.Time         `json:"updated"`
	Labels  map[string]string `json:"labels,omitempty"`
}

// Names of the files of a secret, and of what is not one yet.
const (
	recordFile = "secret.json"
	dataFile   = "data"
	unfinished = ".new-"
)

// Store is the directory that secrets are kept in. It need not be there before the first Create.
type Store struct{ Dir string }

// At is the store below rc's data directory.
func At(dataRoot string) Store { return Store{filepath.Join(dataRoot, "secrets")} }

// CheckName refuses what cannot be a secret's name, by podman's rules.
func CheckName(name string) error {
	const most = 253
	switch {
	case name == "" || len(name) > most:
		return errs.Invalidf("secret name %q: want 1 to %d characters", name, most)
	case name == "." || name == "..":
		return errs.Invalidf("secret name %q: no file could have it", name)
	case strings.ContainsAny(name, ",/=\x00"):
		return errs.Invalidf(`secret name %q: ",", "/", "=" and NUL cannot be part of it`, name)
	}
	return nil
}

// entryName is the directory of a name; one that begins with a dot is another than it looks.
func entryName(name string) string {
	switch name[0] {
	case '.':
		return "%2E" + name[1:]
	case '%':
		return "%25" + name[1:]
	}
	return name
}

// nameOf is entryName's other way.
func nameOf(entry string) string {
	if rest, ok := strings.CutPrefix(entry, "%2E"); ok {
		return "." + rest
	}
	if rest, ok := strings.CutPrefix(entry, "%25"); ok {
		return "%" + rest
	}
	return entry
}

func (s Store) path(name string) string { return filepath.Join(s.Dir, entryName(name)) }

// read reads the record of the secret with this name.
func (s Store) read(name string) (*Secret, error) {
	path := filepath.Join(s.path(name), recordFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("secret %q: %w", name, errs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("secret %q: %w", name, err)
	}
	found := &Secret{Name: name}
	if err := json.Unmarshal(data, found); err != nil {
		return nil, errs.WithHint(fmt.Errorf("secret %q: %q: %w", name, path, err), "rc secret rm "+name)
	}
	return found, nil
}

// Names are the names of all secrets, sorted; no record is read.
func (s Store) Names() ([]string, error) {
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, nameOf(e.Name()))
		}
	}
	slices.Sort(names)
	return names, nil
}

// List reads all secrets, sorted by name. One that cannot be read is among the errors, and hides
// no other.
func (s Store) List() ([]Secret, error) {
	names, err := s.Names()
	list := make([]Secret, 0, len(names))
	for _, name := range names {
		found, broken := s.read(name)
		switch {
		case errors.Is(broken, errs.ErrNotFound): // removed meanwhile
		case broken != nil:
			err = errors.Join(err, broken)
		default:
			list = append(list, *found)
		}
	}
	return list, err
}

// Find is the secret with a name, or an id, or the beginning of one, in this order.
func (s Store) Find(nameOrID string) (*Secret, error) {
	if CheckName(nameOrID) != nil {
		return nil, fmt.Errorf("secret %q: %w", nameOrID, errs.ErrNotFound)
	}
	found, err := s.read(nameOrID)
	if !errors.Is(err, errs.ErrNotFound) {
		return found, err
	}
	list, broken := s.List()
	var match *Secret
	for i := range list {
		switch id := list[i].ID; {
		case id == nameOrID:
			return &list[i], nil
		case !strings.HasPrefix(id, nameOrID):
		case match != nil:
			return nil, errs.WithHint(errs.Invalidf("secret %q: several ids begin so", nameOrID), "rc secret ls")
		default:
			match = &list[i]
		}
	}
	if match == nil {
		names, _ := s.Names()
		return nil, errors.Join(errs.WithHint(spec.NotFound("secret", nameOrID, names), "rc secret ls"), broken)
	}
	return match, nil
}

// Data reads the secret itself.
func (s Store) Data(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(s.path(name), dataFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("secret %q: %w", name, errs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("secret %q: %w", name, err)
	}
	return data, nil
}

// Link makes path, which must not be there, another name of a secret's data, which is never
// written again. Where it is on another file system, it is a copy.
func (s Store) Link(name, path string) error {
	err := os.Link(filepath.Join(s.path(name), dataFile), path)
	if err == nil {
		return nil
	}
	data, readErr := s.Data(name)
	if readErr != nil {
		return readErr
	}
	if err := writeFile(path, data); err != nil {
		return fmt.Errorf("secret %q: %w", name, err)
	}
	return nil
}

// writeFile makes a new file that survives a power cut.
func writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
