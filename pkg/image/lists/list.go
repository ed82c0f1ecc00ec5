package lists

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/linux"
)

// List is a manifest list.
type List struct {
	Name        string            `json:"name"`
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Instances   []image.Instance  `json:"instances"`
}

func dir(cfg *config.Config) string { return filepath.Join(cfg.DataRoot, "manifests") }

// path is one file for each name; escaped, a name has no slash.
func path(cfg *config.Config, name string) string {
	return filepath.Join(dir(cfg), url.PathEscape(name)+".json")
}

// full is the name under which a list is kept.
func full(name string) (string, error) {
	n, err := index.ParseName(name)
	if err != nil {
		return "", err
	}
	if n.Digest != "" {
		return "", errs.Invalidf("manifest list %q: a digest is not for us to give", name)
	}
	return image.NewName(name)
}

// Names are all lists.
func Names(cfg *config.Config) []string {
	files, err := os.ReadDir(dir(cfg))
	if err != nil {
		return nil
	}
	var names []string
	for _, f := range files {
		escaped, ok := strings.CutSuffix(f.Name(), ".json")
		if name, err := url.PathUnescape(escaped); ok && err == nil && !strings.HasPrefix(f.Name(), ".") {
			names = append(names, name)
		}
	}
	return names
}

// Read reads a list. errs.ErrNotFound says that there is none.
func Read(cfg *config.Config, name string) (*List, error) {
	name, err := full(name)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path(cfg, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("manifest list %q: %w", name, errs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("manifest list %q: %w", name, err)
	}
	var l List
	if err := json.Unmarshal(data, &l); err != nil {
		return nil, errs.WithHint(errs.Invalidf("manifest list %q: its file is damaged: %w", name, err), "rc manifest rm "+name)
	}
	return &l, nil
}

// locked does something while nobody else changes lists.
func locked(ctx context.Context, cfg *config.Config, do func() error) error {
	if err := os.MkdirAll(dir(cfg), 0o700); err != nil {
		return fmt.Errorf("manifest lists: %w", err)
	}
	lock, err := index.Flock(ctx, filepath.Join(cfg.DataRoot, "manifests.lock"), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.Release()
	return do()
}

func write(cfg *config.Config, l *List) error {
	data, err := json.Marshal(l)
	if err == nil {
		err = linux.ReplaceFile(path(cfg, l.Name), data)
	}
	if err != nil {
		return fmt.Errorf("manifest list %q: %w", l.Name, err)
	}
	return nil
}

// Create makes a list; amend takes one that there is. It gives its full name.
func Create(ctx context.Context, cfg *config.Config, name string, amend bool, annotations map[string]string) (string, error) {
	name, err := full(name)
	if err != nil {
		return "", err
	}
	return name, locked(ctx, cfg, func() error {
		l, err := Read(cfg, name)
		switch {
		case err == nil && !amend:
			return errs.WithHint(fmt.Errorf("manifest list %q: %w", name, errs.ErrExists), "rc manifest create --amend, or rc manifest rm "+name)
		case errors.Is(err, errs.ErrNotFound):
			l = &List{Name: name, Created: time.Now().UTC(), Instances: []image.Instance{}}
		case err != nil:
			return err
		}
		l.Annotations = merge(l.Annotations, annotations)
		return write(cfg, l)
	})
}

// merge adds to a map, which may be nil.
func merge(to, from map[string]string) map[string]string {
	for k, v := range from {
		if to == nil {
			to = map[string]string{}
		}
		to[k] = v
	}
	return to
}

// Change changes a list.
func Change(ctx context.Context, cfg *config.Config, name string, change func(*List) error) error {
	return locked(ctx, cfg, func() error {
		l, err := Read(cfg, name)
		if err != nil {
			return err
		}
		if err := change(l); err != nil {
			return err
		}
		return write(cfg, l)
	})
}

// Remove deletes lists; it gives their full names. What one is missing keeps no other from it.
func Remove(ctx context.Context, cfg *config.Config, ignore bool, names ...string) ([]string, error) {
	var gone []string
	var failures []error
	err := locked(ctx, cfg, func() error {
		for _, name := range names {
			name, err := full(name)
			if err == nil {
				err = os.Remove(path(cfg, name))
			}
			switch missing := errors.Is(err, fs.ErrNotExist); {
			case missing && ignore:
				continue
			case missing:
				err = fmt.Errorf("manifest list %q: %w", name, errs.ErrNotFound)
			}
			if err != nil {
				failures = append(failures, err)
				continue
			}
			gone = append(gone, name)
		}
		return nil
	})
	return gone, errors.Join(append(failures, err)...)
}

// Add adds instances, in place of those with the same digest.
func (l *List) Add(instances ...image.Instance) {
	for _, i := range instances {
		l.Instances = slices.DeleteFunc(l.Instances, func(o image.Instance) bool { return o.Digest == i.Digest })
		l.Instances = append(l.Instances, i)
	}
}

// Find finds an instance by its digest, or the image's id or name in the store.
func (l *List) Find(cfg *config.Config, value string) (int, error) {
	if i := slices.IndexFunc(l.Instances, func(o image.Instance) bool { return o.Digest == value }); i >= 0 {
		return i, nil
	}
	if ix, err := index.Read(cfg); err == nil {
		if e, err := ix.Find(value); err == nil {
			if i := slices.IndexFunc(l.Instances, func(o image.Instance) bool { return o.ID == e.ID }); i >= 0 {
				return i, nil
			}
		}
	}
	return 0, fmt.Errorf("manifest list %q: image %q: %w", l.Name, value, errs.ErrNotFound)
}

// JSON is the list as OCI writes it, or as docker does (v2s2), without what only rc needs.
func (l *List) JSON(kind string) ([]byte, error) {
	return image.ListJSON(kind, l.Instances, l.Annotations)
}

// Annotate adds annotations to the list itself.
func (l *List) Annotate(annotations map[string]string) {
	l.Annotations = merge(l.Annotations, annotations)
}
