package oci

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// defaultPath is searched where the environment has no PATH: docker's.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// findProgram is the file that a command means, searched as the user that will execute it.
func findProgram(name string, env []string) (string, error) {
	if strings.ContainsRune(name, '/') {
		err := executable(name)
		if err == nil {
			return name, nil
		}
		return "", errs.WithCode(fmt.Errorf("exec %q: %w", name, err), execCode(err))
	}
	var denied error
	for _, candidate := range search(name, env) {
		err := executable(candidate)
		if err == nil {
			return candidate, nil
		}
		if denied == nil && execCode(err) == errs.CodeNotExecutable {
			denied = fmt.Errorf("exec %q: %w", candidate, err)
		}
	}
	if denied != nil {
		return "", errs.WithCode(denied, errs.CodeNotExecutable)
	}
	err := fmt.Errorf("exec %q: executable %w in $PATH", name, errFileNotFound)
	return "", errs.WithCode(err, errs.CodeNotFound)
}

// search are the files that a command may mean, in the order of $PATH.
func search(name string, env []string) []string {
	dirs := defaultPath
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, "PATH="); ok {
			dirs = value
		}
	}
	var files []string
	for dir := range strings.SplitSeq(dirs, ":") {
		switch {
		case dir == "": // environ(7): an empty element is the current directory
			files = append(files, "./"+name)
		case strings.HasPrefix(dir, "/"):
			files = append(files, path.Join(dir, name))
		default:
			files = append(files, dir+"/"+name)
		}
	}
	return files
}

// errFileNotFound completes docker's wording, which scripts look for.
var errFileNotFound = fmt.Errorf("file %w", errs.ErrNotFound)

// executable checks that the calling thread could execute a file.
func executable(file string) error {
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.EISDIR
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o111 == 0 {
		return unix.EACCES // even for root
	}
	err := unix.Faccessat2(unix.AT_FDCWD, file, unix.X_OK, unix.AT_EACCESS)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return nil // Linux < 5.8, or an old filter around us: execve(2) will tell
	}
	return err
}

// execCode is the exit code for an error of execve(2) or of looking for the file.
func execCode(err error) int {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return errs.CodeNotFound
	}
	return errs.CodeNotExecutable
}

func explainExec(name, program string, err error) error {
	code := execCode(err)
	switch {
	case errors.Is(err, unix.ENOENT):
		// It was there a moment ago: so the "#!" line or the loader of the program is meant.
		err = errs.WithHint(err, program+" exists: its interpreter or dynamic loader does not")
	case errors.Is(err, unix.ENOEXEC) && empty(program):
		err = errs.WithHint(err, program+" is empty; if that is not so in the image, a power cut has damaged it: rc system check --repair")
	case errors.Is(err, unix.ENOEXEC):
		err = errs.WithHint(err, program+" is no program for this machine, or a script without a first line \"#!…\"")
	}
	return errs.WithCode(fmt.Errorf("exec %q: %w", name, err), code)
}

func empty(file string) bool {
	var st unix.Stat_t
	return unix.Stat(file, &st) == nil && st.Size == 0
}
