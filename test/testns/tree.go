package testns

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Tree makes files below dir: "dir/" is a directory, "name=" a file with its name for content,
// "!name" a whiteout, "name%" an opaque directory, "name>to" a symbolic link, "name+to" a hard link.
func Tree(t *testing.T, dir, words string) string {
	t.Helper()
	var err error
	must := func(e error) { err = errors.Join(err, e) }
	must(os.MkdirAll(dir, 0o755))
	for word := range strings.FieldsSeq(words) {
		name := filepath.Join(dir, strings.Trim(word, "/=%!"))
		link, to, isLink := strings.Cut(word, ">")
		hard, old, isHard := strings.Cut(word, "+")
		switch kind := word[len(word)-1]; {
		case isLink:
			must(os.MkdirAll(filepath.Dir(filepath.Join(dir, link)), 0o755))
			must(os.Symlink(to, filepath.Join(dir, link)))
		case isHard:
			must(os.Link(filepath.Join(dir, old), filepath.Join(dir, hard)))
		case word[0] == '!':
			must(os.MkdirAll(filepath.Dir(name), 0o755))
			must(unix.Mknod(name, unix.S_IFCHR, 0))
		case kind == '/':
			must(os.MkdirAll(name, 0o755))
		case kind == '%':
			must(os.MkdirAll(name, 0o755))
			must(unix.Setxattr(name, "user.overlay.opaque", []byte("y"), 0))
		default:
			must(os.MkdirAll(filepath.Dir(name), 0o755))
			must(os.WriteFile(name, []byte(strings.TrimSuffix(word, "=")), 0o644))
		}
	}
	if err != nil {
		Need(t, err)
	}
	return dir
}
