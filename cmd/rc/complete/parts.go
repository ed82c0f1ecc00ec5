package complete

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// keyed completes the last part of KEY=VALUE,KEY=VALUE,… after head: its key, of those that are not
// there yet, or its value. A key that takes a value ends with "=".
func keyed(head, typed string, keys []string, values func(key, typed string) []string) []string {
	comma := strings.LastIndexByte(typed, ',') + 1
	before, last := typed[:comma], typed[comma:]
	if key, value, ok := strings.Cut(last, "="); ok {
		return prefixed(head+before+key+"=", values(key, value))
	}
	var given []string
	for part := range strings.SplitSeq(before, ",") {
		key, _, _ := strings.Cut(part, "=")
		given = append(given, key)
	}
	keys = slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		key, _, _ = strings.Cut(key, "\t")
		return slices.Contains(given, strings.TrimSuffix(key, "="))
	})
	return prefixed(head+before, keys)
}

func prefixed(prefix string, list []string) []string {
	out := make([]string, len(list))
	for i, word := range list {
		out[i] = prefix + word
	}
	return out
}

// paths are the files that begin with what has been typed, directories with a slash: for words of
// which a path is a part only, where the shell cannot help.
func paths(typed string) []string {
	dir, base := filepath.Split(typed)
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, base) || name[0] == '.' && !strings.HasPrefix(base, ".") {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.IsDir() {
			name += "/"
		}
		out = append(out, dir+name)
	}
	return out
}
