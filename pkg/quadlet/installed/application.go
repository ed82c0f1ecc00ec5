package installed

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/quadlet"
)

// The files of an application are listed in .NAME.app beside them, one a line, as podman does it.

// isRecord reports whether a file is such a list; podman has others, called .asset.
func isRecord(name string) bool {
	return strings.HasPrefix(name, ".") && (strings.HasSuffix(name, ".app") || strings.HasSuffix(name, ".asset"))
}

func recordName(application string) string { return "." + application + ".app" }

// record adds files to an application's list.
func record(dir, application string, files []file) error {
	path := filepath.Join(dir, recordName(application))
	list := readRecord(path)
	for _, f := range files {
		if !slices.Contains(list, f.name) {
			list = append(list, f.name)
		}
	}
	return quadlet.WriteFile(path, []byte(strings.Join(list, "\n")+"\n"), true)
}

// readRecord is what a list names, as far as it is below the directory.
func readRecord(path string) []string {
	data, err := quadlet.ReadFile(path)
	if err != nil {
		return nil
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && filepath.IsLocal(line) {
			list = append(list, line)
		}
	}
	return list
}

// applications are the lists in a directory, by the name of the list's file.
func applications(dir string) (map[string][]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	lists := map[string][]string{}
	for _, entry := range entries {
		if isRecord(entry.Name()) {
			lists[entry.Name()] = readRecord(filepath.Join(dir, entry.Name()))
		}
	}
	return lists, err
}

// applicationOf is the list that a file is in, "" if in none.
func applicationOf(lists map[string][]string, name string) string {
	for record, list := range lists {
		if slices.Contains(list, name) {
			return record
		}
	}
	return ""
}
