package cli

import (
	"errors"
	"os"
)

// Output is a file that is there once it is whole. What is no file (a pipe, a device) is written as it is.
type Output struct {
	*os.File
	path string // "" if it is written as it is
}

// CreateOutput begins to write a file of a user's; the caller calls End.
func CreateOutput(path string) (*Output, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &Output{File: f}, err
	}
	f, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	return &Output{f, path}, err
}

// End ends writing: the file gets its name, or is deleted.
func (o *Output) End(whole bool) error {
	err := o.Close()
	if o.path == "" {
		return err
	}
	if whole && err == nil {
		return os.Rename(o.Name(), o.path)
	}
	return errors.Join(err, os.Remove(o.Name()))
}
