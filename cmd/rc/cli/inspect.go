package cli

import (
	"errors"
	"io"

	"github.com/rc-containers/rc/pkg/format"
)

// Inspect prints what find knows of each name. A name that is not there hides no other.
func Inspect[T any](a *App, template string, names []string, find func(name string) (*T, error)) error {
	var kind T
	if err := format.Check(template, kind, format.Options{}); err != nil {
		return err
	}
	found, failed := Found(names, find)
	return errors.Join(PrintEach(a.Stdout, template, found), failed)
}

// Found is what find knows of each name.
func Found[T any](names []string, find func(name string) (*T, error)) (found []T, failed error) {
	for _, name := range names {
		v, err := find(name)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		found = append(found, *v)
	}
	return found, failed
}

// PrintEach prints a JSON array, or each value through a template, as docker and podman inspect do.
func PrintEach[T any](w io.Writer, template string, values []T) error {
	if template == "" || format.IsJSON(template) {
		return format.Print(w, "json", values, format.Options{})
	}
	for _, v := range values {
		if err := format.PrintOne(w, template, v); err != nil {
			return err
		}
	}
	return nil
}
