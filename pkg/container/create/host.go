package create

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/secret"
)

// Surroundings asks the machine and the caller what Container has to know. The caller adds
// what is the container's: ID, Name, Created, Dir, RunDir and Network.
func Surroundings(cfg *config.Config, privileged bool) (Environment, error) {
	hostname, err := os.Hostname()
	if err != nil {
		return Environment{}, fmt.Errorf("host name: %w", err)
	}
	binds, err := defaultBinds(cfg.MountsFiles)
	if err != nil {
		return Environment{}, err
	}
	env := Environment{
		Config: cfg, DefaultBinds: binds, Hostname: hostname, Rlimits: ownRlimits(),
		DeviceNumber: deviceNumber, Exists: exists, Glob: filepath.Glob, Secret: secret.At(cfg.DataRoot).Find,
	}
	if privileged {
		env.HostDevices = hostDevices("/dev")
	}
	return env, nil
}

// exists gives the reason alone: callers name the path.
func exists(path string) error {
	if _, err := os.Stat(path); err != nil {
		if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
			return pathErr.Err
		}
		return err
	}
	return nil
}

func deviceNumber(path string) (major, minor int64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return 0, 0, errs.Invalidf("not a block device")
	}
	return int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev)), nil
}

// ownRlimits are the caller's, by the names of the OCI runtime specification.
func ownRlimits() []specs.POSIXRlimit {
	list := make([]specs.POSIXRlimit, 0, 16)
	for _, resource := range []struct {
		name   string
		number int
	}{
		{"AS", unix.RLIMIT_AS},
		{"CORE", unix.RLIMIT_CORE},
		{"CPU", unix.RLIMIT_CPU},
		{"DATA", unix.RLIMIT_DATA},
		{"FSIZE", unix.RLIMIT_FSIZE},
		{"LOCKS", unix.RLIMIT_LOCKS},
		{"MEMLOCK", unix.RLIMIT_MEMLOCK},
		{"MSGQUEUE", unix.RLIMIT_MSGQUEUE},
		{"NICE", unix.RLIMIT_NICE},
		{"NOFILE", unix.RLIMIT_NOFILE},
		{"NPROC", unix.RLIMIT_NPROC},
		{"RSS", unix.RLIMIT_RSS},
		{"RTPRIO", unix.RLIMIT_RTPRIO},
		{"RTTIME", unix.RLIMIT_RTTIME},
		{"SIGPENDING", unix.RLIMIT_SIGPENDING},
		{"STACK", unix.RLIMIT_STACK},
	} {
		var limit unix.Rlimit
		if unix.Getrlimit(resource.number, &limit) == nil {
			list = append(list, specs.POSIXRlimit{Type: "RLIMIT_" + resource.name, Soft: limit.Cur, Hard: limit.Max})
		}
	}
	return list
}

// hostDevices are the nodes below dir, without terminals and what a container has of its
// own. A node that cannot be opened is there all the same: its own mode decides.
func hostDevices(dir string) []string {
	var out []string
	own := []string{"console", "fd", "mqueue", "ptmx", "pts", "shm", "stderr", "stdin", "stdout", "tty", "core", "log"}
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, dir+"/")
		switch {
		case err != nil: // a directory that is not ours to read
			return fs.SkipDir
		case slices.Contains(own, name):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case entry.Type()&fs.ModeDevice != 0 && !strings.HasPrefix(name, "tty"):
			out = append(out, path)
		}
		return nil
	})
	return out
}
