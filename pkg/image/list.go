package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
)

// ListOptions say which images are wanted.
type ListOptions struct {
	// All has the images that have no name and only serve as the base of others.
	All bool
	// Filters are KEY=VALUE, as FilterKeys has them. Different keys must all hold; of several
	// values of one key one has to, labels excepted.
	Filters []string
	// Reference is a name or pattern, "" for any.
	Reference string
}

// FilterKeys are what a filter can ask for.
func FilterKeys() []string {
	return []string{"after", "before", "containers", "dangling", "digest", "id", "intermediate", "label", "label!", "readonly", "reference", "since", "until"}
}

// A Listed image is one that List found.
type Listed struct {
	index.Entry
	Labels map[string]string
	// Containers is how many were made from it.
	Containers int
	// Parent is the id of the image that it was made on top of, where that is here.
	Parent string
}

// lister has what the filters need, read when first asked for.
type lister struct {
	cfg     *config.Config
	ix      *index.Index
	entries []index.Entry
	users   map[string]int
	// bases are the layers that other images stand on, tops the images by their topmost layer.
	bases map[string]bool
	tops  map[string]string
}

// test is a filter made ready.
type test func(e index.Entry, labels map[string]string) bool

// List gives the images that the filters let through, newest first. users counts containers by image
// id. An index that is damaged is built anew; images that are damaged in the store are in no list, and told apart.
func List(ctx context.Context, cfg *config.Config, o ListOptions, users map[string]int) ([]Listed, []index.Broken, error) {
	ix, err := Read(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	listed, err := list(cfg, ix, o, users)
	if errors.Is(err, errDamaged) {
		if err := Refresh(ctx, cfg); err != nil {
			return nil, nil, err
		}
		if ix, err = index.Read(cfg); err != nil {
			return nil, nil, err
		}
		listed, err = list(cfg, ix, o, users)
	}
	return listed, ix.Broken, err
}

func list(cfg *config.Config, ix *index.Index, o ListOptions, users map[string]int) ([]Listed, error) {
	entries, err := ix.All()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	l := &lister{cfg: cfg, ix: ix, entries: entries, users: users}
	tests, err := l.tests(o)
	if err != nil {
		return nil, err
	}
	var out []Listed
	for _, e := range entries {
		img, err := ix.Load(e)
		if err == nil {
			err = complete(img)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errDamaged, err)
		}
		if slices.ContainsFunc(tests, func(t test) bool { return !t(e, img.Config.Labels) }) {
			continue
		}
		out = append(out, Listed{Entry: e, Labels: img.Config.Labels, Containers: users[e.ID], Parent: l.parent(img)})
	}
	slices.SortStableFunc(out, func(a, b Listed) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// complete looks that an image's layers have their directories, which costs a microsecond each.
func complete(img *index.Image) error {
	for _, dir := range img.Lower {
		if _, err := os.Lstat(dir); err != nil {
			return fmt.Errorf("image %.12s: %w", img.ID, err)
		}
	}
	return nil
}

// tests makes the filters ready: those of one key together.
func (l *lister) tests(o ListOptions) ([]test, error) {
	byKey := make(map[string][]test)
	var out []test
	intermediate := false
	for _, f := range o.Filters {
		key, value, err := spec.SplitFilter(f, FilterKeys())
		if err != nil {
			return nil, err
		}
		t, err := l.test(key, value)
		if err != nil {
			return nil, fmt.Errorf("filter %q: %w", f, err)
		}
		intermediate = intermediate || key == "intermediate"
		if key == "label" || key == "label!" {
			out = append(out, t)
			continue
		}
		byKey[key] = append(byKey[key], t)
	}
	for _, any := range byKey {
		out = append(out, func(e index.Entry, labels map[string]string) bool {
			return slices.ContainsFunc(any, func(t test) bool { return t(e, labels) })
		})
	}
	if o.Reference != "" {
		out = append(out, func(e index.Entry, _ map[string]string) bool { return MatchReference(e, o.Reference) })
	}
	if !o.All && !intermediate {
		out = append(out, func(e index.Entry, _ map[string]string) bool { return !l.intermediate(e) })
	}
	return out, nil
}

func (l *lister) test(key, value string) (test, error) {
	switch key {
	case "dangling", "intermediate", "containers", "readonly":
		if key == "containers" && value == "external" { // of buildah and the like: none is in rc's store
			return func(index.Entry, map[string]string) bool { return false }, nil
		}
		want, err := strconv.ParseBool(value)
		if err != nil {
			return nil, errs.Invalidf("want true or false")
		}
		return func(e index.Entry, _ map[string]string) bool { return l.is(key, e) == want }, nil
	case "label", "label!":
		name, v, hasValue := strings.Cut(value, "=")
		return func(_ index.Entry, labels map[string]string) bool {
			got, ok := labels[name]
			return (ok && (!hasValue || got == v)) == (key == "label")
		}, nil
	case "reference":
		if _, err := path.Match(value, ""); err != nil {
			return nil, errs.Invalidf("%w", err)
		}
		return func(e index.Entry, _ map[string]string) bool { return MatchReference(e, value) }, nil
	case "id":
		return func(e index.Entry, _ map[string]string) bool {
			return strings.HasPrefix(e.ID, strings.TrimPrefix(value, "sha256:"))
		}, nil
	case "digest":
		return func(e index.Entry, _ map[string]string) bool {
			return slices.ContainsFunc(e.Digests, func(d index.Digest) bool {
				return d.String() == value || strings.HasPrefix(d.Encoded(), value)
			})
		}, nil
	case "until":
		t, err := moment(value, time.Now())
		if err != nil {
			return nil, err
		}
		return func(e index.Entry, _ map[string]string) bool { return e.Created.Before(t) }, nil
	}
	other, err := l.ix.Find(value)
	if err != nil {
		return nil, err
	}
	if key == "before" {
		return func(e index.Entry, _ map[string]string) bool { return e.Created.Before(other.Created) }, nil
	}
	return func(e index.Entry, _ map[string]string) bool { return e.Created.After(other.Created) }, nil
}

func (l *lister) is(key string, e index.Entry) bool {
	switch key {
	case "dangling":
		return len(e.Names) == 0 && !l.intermediate(e)
	case "intermediate":
		return l.intermediate(e)
	case "containers":
		return l.users[e.ID] > 0
	}
	return false // readonly: every image is in the one store
}

// intermediate says whether an image has no name, and another one was made on top of it.
func (l *lister) intermediate(e index.Entry) bool {
	if len(e.Names) > 0 {
		return false
	}
	if l.bases == nil {
		l.bases = make(map[string]bool)
		for _, other := range l.entries {
			img, err := l.ix.Load(other)
			if err != nil || len(img.LayerIDs) == 0 {
				continue
			}
			for _, id := range img.LayerIDs[1:] {
				l.bases[id] = true
			}
		}
	}
	return l.bases[e.TopLayer]
}

// parent is the id of the image that has the most of an image's layers, but not all.
func (l *lister) parent(img *index.Image) string {
	if l.tops == nil {
		l.tops = Tops(l.entries)
	}
	return Parent(l.tops, img)
}

// Tops has the id of an image for each layer that is the topmost of one.
func Tops(entries []index.Entry) map[string]string {
	tops := make(map[string]string, len(entries))
	for _, e := range entries {
		if e.TopLayer != "" {
			tops[e.TopLayer] = e.ID
		}
	}
	return tops
}

// Parent is the id of the image that an image was made on top of, "" if that is not here.
func Parent(tops map[string]string, img *index.Image) string {
	for _, layer := range img.LayerIDs[min(1, len(img.LayerIDs)):] {
		if id := tops[layer]; id != "" {
			return id
		}
	}
	return ""
}

// MatchReference says whether one of an image's names fits a pattern as path.Match has it: the
// full name or its end from a slash on, with or without the tag.
func MatchReference(e index.Entry, pattern string) bool {
	for _, name := range e.Names {
		n, err := index.ParseName(name)
		if err != nil {
			continue
		}
		for _, form := range []string{name, n.Repository()} {
			for {
				if form == pattern {
					return true
				}
				if ok, _ := path.Match(pattern, form); ok {
					return true
				}
				_, rest, found := strings.Cut(form, "/")
				if !found {
					break
				}
				form = rest
			}
		}
	}
	return false
}

// moment reads a time as docker's until filter does: RFC 3339 or parts of it, seconds since
// 1970, or a duration before now.
func moment(value string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(value); err == nil {
		return now.Add(-d), nil
	}
	if sec, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.Unix(sec, 0), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, value, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errs.Invalidf("want a time such as 2026-01-31T12:00:00Z or a duration such as 24h")
}
