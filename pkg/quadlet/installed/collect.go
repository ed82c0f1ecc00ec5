package installed

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet"
)

// MaxFile is the size of a file that is installed, in bytes.
const MaxFile = 1 << 20

// file is one that is to be installed.
type file struct {
	name   string // in the directory that it is installed in, perhaps with a subdirectory
	from   string // what the user called it
	data   []byte
	target string // of a symbolic link, which an instance of a template is
}

// Fetcher gets a file from the web, at most MaxFile of it.
type Fetcher func(ctx context.Context, url string) (name string, data []byte, err error)

// isURL reports whether a Fetcher takes it.
func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

// collect reads what was named: files, directories, URLs. The application is what all of it
// belongs to, "" where it is one file.
func collect(ctx context.Context, names []string, fetch Fetcher) (files []file, application string, err error) {
	for i, name := range names {
		var found []file
		switch st, statErr := os.Stat(name); {
		case isURL(name):
			found, err = fromWeb(ctx, name, fetch)
		case statErr != nil:
			return nil, "", statErr
		case st.IsDir():
			found, err = fromDirectory(name)
		default:
			found, err = fromFile(name)
		}
		if err != nil {
			return nil, "", err
		}
		if i == 0 {
			if len(found) == 0 || !quadlet.Is(found[0].name) && len(found) == 1 {
				return nil, "", errs.Invalidf("%s: no quadlet: want %s, a directory with some, or NAME.quadlets", name, strings.Join(quadlet.Extensions(), ", "))
			}
			abs, err := filepath.Abs(name)
			if err != nil {
				return nil, "", err
			}
			application = strings.TrimSuffix(filepath.Base(abs), ".quadlets")
		}
		files = append(files, found...)
	}
	seen := map[string]string{}
	for _, f := range files {
		if other, ok := seen[f.name]; ok {
			return nil, "", errs.Invalidf("%s and %s: both would be %s", other, f.from, f.name)
		}
		seen[f.name] = f.from
	}
	if len(files) == 1 {
		application = ""
	}
	return files, application, nil
}

func fromWeb(ctx context.Context, url string, fetch Fetcher) ([]file, error) {
	name, data, err := fetch(ctx, url)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\x00") || name == "" {
		return nil, errs.Invalidf("%s: %q is no name for a file", url, name)
	}
	return sections(file{name: name, from: url, data: data})
}

func fromFile(path string) ([]file, error) {
	data, err := quadlet.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return sections(file{name: filepath.Base(path), from: path, data: data})
}

// fromDirectory takes all files that are not hidden, and the directories with drop-ins and other files.
func fromDirectory(dir string) ([]file, error) {
	var files []file
	quadlets := false
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case rel != "." && strings.HasPrefix(entry.Name(), ".") && entry.IsDir():
			return filepath.SkipDir
		case entry.IsDir(), isRecord(entry.Name()):
			return nil
		}
		f := file{name: rel, from: filepath.Join(dir, rel)}
		if target, err := os.Readlink(path); err == nil && filepath.IsLocal(filepath.Join(filepath.Dir(rel), target)) {
			f.target = target
		}
		if f.data, err = quadlet.ReadFile(path); err != nil {
			return err
		}
		found, err := sections(f)
		for _, f := range found {
			quadlets = quadlets || quadlet.Is(f.name)
		}
		files = append(files, found...)
		return err
	})
	if err == nil && !quadlets {
		err = errs.Invalidf("%s: no quadlet in it: want %s", dir, strings.Join(quadlet.Extensions(), ", "))
	}
	return files, err
}

// sections takes a file NAME.quadlets apart: several quadlets with lines --- between them, each
// with a comment that names it. Another file is itself.
func sections(f file) ([]file, error) {
	if filepath.Ext(f.name) != ".quadlets" {
		return []file{f}, nil
	}
	var files []file
	var text strings.Builder
	number, first := 0, 1
	end := func() error {
		defer text.Reset()
		if strings.TrimSpace(text.String()) == "" {
			return nil
		}
		name, err := sectionName(text.String())
		if err != nil {
			return errs.Invalidf("%s:%d: %w", f.from, first, err)
		}
		// The lines before keep the numbers of the others what they are in the file.
		data := strings.Repeat("\n", first-1) + text.String()
		files = append(files, file{name: filepath.Join(filepath.Dir(f.name), name), from: f.from, data: []byte(data)})
		return nil
	}
	for line := range strings.Lines(string(f.data)) {
		number++
		if strings.TrimSpace(line) != "---" {
			text.WriteString(line)
			continue
		}
		if err := end(); err != nil {
			return nil, err
		}
		first = number + 1
	}
	if err := end(); err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errs.Invalidf("%s: there is nothing in it", f.from)
	}
	return files, nil
}

// sectionName is the file name of one of several quadlets: # FileName=, and the extension that its
// section has.
func sectionName(text string) (string, error) {
	name, extension := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if comment, ok := strings.CutPrefix(line, "#"); ok && name == "" {
			name, _ = strings.CutPrefix(strings.TrimSpace(comment), "FileName=")
			if name == strings.TrimSpace(comment) {
				name = ""
			}
		}
		if section, ok := strings.CutPrefix(line, "["); ok && extension == "" {
			ext := "." + strings.ToLower(strings.TrimSuffix(section, "]"))
			if quadlet.Is("x" + ext) {
				extension = ext
			}
		}
	}
	switch {
	case extension == "":
		return "", fmt.Errorf("no section of a quadlet: want one of %s", strings.Join(quadlet.Extensions(), ", "))
	case name == "":
		return "", fmt.Errorf("a comment is missing that names the quadlet: # FileName=NAME")
	case strings.ContainsAny(name, "/\\") || strings.HasPrefix(name, "."):
		return "", fmt.Errorf("FileName=%s: it must be a name, without a directory", name)
	}
	return strings.TrimSuffix(name, extension) + extension, nil
}
