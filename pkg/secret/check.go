package secret

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Problem is a secret that cannot be used, or what a killed call has left.
type Problem struct {
	Object, Text string
	// Mend takes it away: what is in a broken secret nobody can give back.
	Mend func() error
}

// Check looks at every secret.
func (s Store) Check() ([]Problem, error) {
	var found []Problem
	for _, path := range s.Leftovers() {
		found = append(found, Problem{path, "a killed call has left it", func() error { return os.RemoveAll(path) }})
	}
	names, err := s.Names()
	if err != nil {
		return found, err
	}
	for _, name := range names {
		_, broken := s.read(name)
		if broken == nil {
			_, broken = os.Stat(filepath.Join(s.path(name), dataFile))
		}
		if _, gone := os.Lstat(s.path(name)); broken == nil || gone != nil {
			continue
		}
		found = append(found, Problem{fmt.Sprintf("secret %q", name), fmt.Sprintf("it is broken: %v", cause(broken)), func() error {
			_, err := s.Remove(name)
			return err
		}})
	}
	return found, nil
}

// cause is the error without the name of the secret.
func cause(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}
