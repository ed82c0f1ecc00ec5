package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestProgram(t *testing.T) {
	root := t.TempDir()
	put := func(path string, mode os.FileMode) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, mode)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", root+"/path")
	find := func(want string) {
		t.Helper()
		got, err := program("rc-x", root+"/bin/rc")
		if want == "" && (!errors.Is(err, errs.ErrNotFound) || errs.Hint(err) == "") || want != "" && got != filepath.Join(root, want) {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	// The nearer comes later here, and wins.
	find("")
	put("path/rc-x", 0o700)
	find("path/rc-x")
	put("libexec/rc/rc-x", 0o600)
	find("path/rc-x")
	if err := os.Chmod(root+"/libexec/rc/rc-x", 0o700); err != nil {
		t.Fatal(err)
	}
	find("libexec/rc/rc-x")
	put("bin/rc-x", 0o700)
	find("bin/rc-x")
}
