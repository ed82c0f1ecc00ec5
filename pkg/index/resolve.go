package index

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// Find finds one image by what a user calls it: an id, a name, or a prefix of an id.
// Short names are looked for in localhost, on docker.io, and then in every registry that an
// image here came from. Errors: errs.ErrNotFound, errs.ErrInvalid for a prefix that several images have.
func (ix *Index) Find(value string) (Entry, error) {
	id := strings.TrimPrefix(value, "sha256:")
	if isID(id) {
		if e, ok, err := ix.line(`"id":"`+id+`"`, func(e Entry) bool { return e.ID == id }); ok || err != nil {
			return e, err
		}
	}
	n, nameErr := ParseName(value)
	if nameErr == nil {
		if e, ok, err := ix.byName(n); ok || err != nil {
			return e, err
		}
	}
	if isHex(id) && len(id) < 64 {
		if e, ok, err := ix.byPrefix(id); ok || err != nil {
			return e, err
		}
	}
	if nameErr != nil && !isHex(id) {
		return Entry{}, nameErr
	}
	return Entry{}, spec.NotFound("image", value, ix.written(value))
}

// written are the names of all images as value is written: short or full, with a tag or without.
func (ix *Index) written(value string) []string {
	entries, _ := ix.All()
	slash, tag := strings.Contains(value, "/"), strings.Contains(value[strings.LastIndexByte(value, '/')+1:], ":")
	var names []string
	for _, e := range entries {
		for _, name := range e.Names {
			names = append(names, name)
			if at := strings.LastIndexByte(name, ':'); !tag && at > strings.LastIndexByte(name, '/') {
				name = name[:at]
			}
			names = append(names, name, strings.TrimPrefix(name, "docker.io/"))
			if !slash {
				names = append(names, name[strings.LastIndexByte(name, '/')+1:])
			}
		}
	}
	return names
}

// byName goes through the full names that n can stand for.
func (ix *Index) byName(n Name) (Entry, bool, error) {
	repos := []string{n.Repository()}
	if n.Short {
		repos = []string{"localhost/" + n.Given, n.Repository()}
	}
	for _, repo := range repos {
		if e, ok, err := ix.byRepository(n, repo); ok || err != nil {
			return e, ok, err
		}
	}
	if !n.Short {
		return Entry{}, false, nil
	}
	// quay.io/foo/bar, once pulled, answers to foo/bar; podman does the same.
	suffix := "/" + n.Given
	return ix.line(suffix, func(e Entry) bool {
		return slices.ContainsFunc(e.Names, func(name string) bool {
			m, err := ParseName(name)
			return err == nil && m.Repository() == m.Domain+suffix && e.matches(n, name)
		})
	})
}

func (ix *Index) byRepository(n Name, repo string) (Entry, bool, error) {
	return ix.line(repo, func(e Entry) bool {
		return slices.ContainsFunc(e.Names, func(name string) bool {
			return strings.HasPrefix(name, repo) && (len(name) == len(repo) || name[len(repo)] == ':' || name[len(repo)] == '@') &&
				e.matches(n, name)
		})
	})
}

// matches compares tag and digest of what was asked for with one name of the image.
func (e Entry) matches(n Name, name string) bool {
	if n.Digest != "" {
		// The digest decides, whatever the tag says: so do docker and podman.
		d := Digest(n.Digest)
		return e.Digest == d || slices.Contains(e.Digests, d)
	}
	m, err := ParseName(name)
	return err == nil && m.Tagged().Tag == n.Tagged().Tag && m.Digest == ""
}

func (ix *Index) byPrefix(prefix string) (Entry, bool, error) {
	var found []Entry
	if _, _, err := ix.line(`"id":"`+prefix, func(e Entry) bool {
		if strings.HasPrefix(e.ID, prefix) {
			found = append(found, e)
		}
		return false
	}); err != nil {
		return Entry{}, false, err
	}
	if len(found) > 1 {
		return Entry{}, false, errs.Invalidf("image %q: %d images have an id that begins so (%.12s, %.12s); give more digits",
			prefix, len(found), found[0].ID, found[1].ID)
	}
	if len(found) == 0 {
		return Entry{}, false, nil
	}
	return found[0], true, nil
}

// line decodes the lines that contain text until one satisfies the test.
func (ix *Index) line(text string, test func(Entry) bool) (Entry, bool, error) {
	data, needle := ix.data, []byte(text)
	for {
		at := bytes.Index(data, needle)
		if at < 0 {
			return Entry{}, false, nil
		}
		start := bytes.LastIndexByte(data[:at], '\n') + 1
		end := len(data)
		if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
			end = at + n + 1
		}
		var e Entry
		if err := json.Unmarshal(data[start:end], &e); err != nil {
			return Entry{}, false, errs.Invalidf("read the image index: %w", err)
		}
		if test(e) {
			return e, true, nil
		}
		data = data[end:]
	}
}
