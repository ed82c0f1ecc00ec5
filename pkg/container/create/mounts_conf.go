package create

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// defaultBinds reads the files of containers-mounts.conf(5): HOST:CONTAINER, or one path for both,
// a line. What one file says of a place, the next ones do not change; what the host does not have
// is skipped. As podman's copies, a directory is the container's own to write to.
func defaultBinds(files []string) ([]specs.Mount, error) {
	var list []specs.Mount
	for _, path := range files {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("mounts: %w", err)
		}
		binds, err := parseBinds(string(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, m := range binds {
			info, err := os.Stat(m.Source)
			if err != nil {
				continue
			}
			if m.Options = []string{spec.OptOverlay}; !info.IsDir() {
				m.Options = []string{"bind", "rprivate", "nosuid", "nodev", "noexec", "ro"}
			}
			list = appendFree(list, m)
		}
	}
	return list, nil
}

// parseBinds reads one file.
func parseBinds(text string) ([]specs.Mount, error) {
	var list []specs.Mount
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		host, container, both := strings.Cut(line, ":")
		if !both {
			container = host
		}
		container = filepath.Clean(container)
		if !filepath.IsAbs(host) || !filepath.IsAbs(container) || container == "/" || strings.ContainsRune(line, 0) {
			return nil, errs.Invalidf("%q: want HOST:CONTAINER, both absolute paths", line)
		}
		list = appendFree(list, specs.Mount{Type: "bind", Source: filepath.Clean(host), Destination: container})
	}
	return list, nil
}
