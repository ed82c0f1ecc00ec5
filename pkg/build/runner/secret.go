package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/oci"
)

// Secret is where the value of a --secret is: one of the two. It is read when a step needs it.
type Secret struct{ File, Env string }

// maxSecret is BuildKit's limit, in bytes.
const maxSecret = 500 << 10

// ParseSecret reads --secret: id=NAME[,src=FILE|,env=VARIABLE][,type=file|env]. Without a source it is the variable that is
// called as the secret, or else the file. dir is what a path is relative to.
func ParseSecret(value, dir string) (id string, s Secret, err error) {
	kind, source := "", ""
	for field := range strings.SplitSeq(value, ",") {
		key, val, found := strings.Cut(field, "=")
		if !found || val == "" {
			return "", s, errs.Invalidf("--secret %q: %q: want KEY=VALUE: id=NAME,src=FILE or id=NAME,env=VARIABLE", value, field)
		}
		switch strings.ToLower(key) {
		case "id":
			id = val
		case "src", "source":
			source = val
		case "env":
			s.Env = val
		case "type":
			if kind = val; kind != "file" && kind != "env" {
				return "", s, errs.Invalidf("--secret %q: type %q: want file or env", value, val)
			}
		default:
			return "", s, errs.Invalidf("--secret %q: %q: want id, src, env or type", value, key)
		}
	}
	switch {
	case id == "":
		return "", s, errs.Invalidf("--secret %q: it has no id=", value)
	case s.Env != "" && source != "":
		return "", s, errs.Invalidf("--secret %q: src= and env= together", value)
	case s.Env != "" && kind == "file":
		return "", s, errs.Invalidf("--secret %q: type=file with env=", value)
	case source != "" && kind == "env":
		s.Env, source = source, ""
	case s.Env == "" && source == "":
		if _, there := os.LookupEnv(id); there && kind != "file" || kind == "env" {
			s.Env = id
		} else {
			source = id
		}
	}
	if source != "" {
		if s.File = source; !filepath.IsAbs(source) {
			s.File = filepath.Join(dir, source)
		}
	}
	_, err = s.value()
	return id, s, wrapSecret(id, err)
}

func wrapSecret(id string, err error) error {
	if err != nil {
		return fmt.Errorf("secret %q: %w", id, err)
	}
	return nil
}

// value reads it.
func (s Secret) value() ([]byte, error) {
	if s.File == "" {
		text, there := os.LookupEnv(s.Env)
		if !there {
			return nil, fmt.Errorf("environment variable %q: %w", s.Env, errs.ErrNotFound)
		}
		return []byte(text), tooLong(int64(len(text)))
	}
	info, err := os.Stat(s.File)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errs.Invalidf("%q is a directory", s.File)
	}
	if err := tooLong(info.Size()); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(s.File)
	if err != nil {
		return nil, err
	}
	return data, tooLong(int64(len(data)))
}

func tooLong(size int64) error {
	if size > maxSecret {
		return errs.Invalidf("%d bytes: more than the %d of a secret", size, maxSecret)
	}
	return nil
}

// secret gives the step a secret, in memory alone.
func (m *mounts) secret(mount build.Mount) error {
	s, given := m.runner.o.Secrets[mount.ID]
	if !given {
		if !mount.Required {
			return nil
		}
		return errs.WithHint(fmt.Errorf("secret %q: %w: the step requires it", mount.ID, errs.ErrNotFound),
			fmt.Sprintf("rc build --secret id=%s,src=FILE", mount.ID))
	}
	data, err := s.value()
	if errors.Is(err, fs.ErrNotExist) && !mount.Required {
		return nil
	}
	if err != nil {
		return wrapSecret(mount.ID, err)
	}
	target := mount.Target
	if target == "" && mount.Env == "" {
		target = "/run/secrets/" + path.Base(mount.ID)
	}
	if target != "" {
		f := oci.File{Path: target, Data: data, UID: mount.UID, GID: mount.GID, Mode: 0o400}
		if mount.Mode != nil {
			f.Mode = *mount.Mode
		}
		m.step.Files = append(m.step.Files, f)
	}
	if mount.Env == "" {
		return nil
	}
	entry, err := session.SecretVariable(mount.ID, mount.Env, data)
	if err != nil {
		return errs.WithHint(err, "leave out env=")
	}
	m.step.Env = append(m.step.Env, entry)
	return nil
}
