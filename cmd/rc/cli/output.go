package cli

import (
	"errors"
	"os"

	"golang.org/x/term"

	"github.com/rc-containers/rc/pkg/errs"
)

// output is a file that is there once it is whole. What is no file (a pipe, a device) is written as it is.
type output struct {
	*os.File
	path string // "" if it is written as it is
}

// createOutput begins to write a file of a user's; the caller calls End.
func createOutput(path string) (*output, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &output{File: f}, err
	}
	f, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	return &output{f, path}, err
}

// End ends writing: the file gets its name, or is deleted.
func (o *output) End(whole bool) error {
	err := o.Close()
	if o.path == "" {
		return err
	}
	if whole && err == nil {
		return os.Rename(o.Name(), o.path)
	}
	return errors.Join(err, os.Remove(o.Name()))
}

// CheckArchive refuses to write an archive of object to a terminal; path is "" for standard output.
func (a *App) CheckArchive(path, object, command string) error {
	if path == "" && term.IsTerminal(int(a.Stdout.Fd())) {
		return errs.WithHint(errs.Invalidf("export %q: an archive is nothing for a terminal", object), command+" -o FILE "+object)
	}
	return nil
}

// WriteArchive writes to a file, or to standard output if path is "".
func (a *App) WriteArchive(path string, write func(*os.File) error) error {
	if path == "" {
		return write(a.Stdout)
	}
	out, err := createOutput(path)
	if err != nil {
		return err
	}
	err = write(out.File)
	return errors.Join(err, out.End(err == nil))
}
