package container

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/secret"
	"github.com/rc-containers/rc/pkg/spec"
)

// secretPath is where a container of a directory has its nth secret: a link to what the store has,
// so that it keeps what it was made with (see package secret).
func secretPath(dir string, n int) string { return filepath.Join(dir, "secrets", strconv.Itoa(n)) }

// linkSecrets gives a new container's directory its secrets.
func linkSecrets(cfg *config.Config, dir string, secrets []spec.Secret) error {
	if len(secrets) == 0 {
		return nil
	}
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		return err
	}
	for n, s := range secrets {
		if err := secret.At(cfg.DataRoot).Link(s.Name, secretPath(dir, n)); err != nil {
			return err
		}
	}
	// What cannot be a variable is refused now, not at the first start.
	_, _, err := readSecrets(dir, secrets)
	return err
}

// longestVariable is what execve(2) takes: MAX_ARG_STRLEN is 32 pages, with NUL.
const longestVariable = 128<<10 - 1

// readSecrets reads the secrets of a container's directory: those that are files, and those that
// are variables as KEY=VALUE.
func readSecrets(dir string, secrets []spec.Secret) (files []oci.File, env []string, err error) {
	for n, s := range secrets {
		data, err := os.ReadFile(secretPath(dir, n))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, errs.WithHint(fmt.Errorf("secret %q: the container's own copy is gone: %w", s.Name, errs.ErrNotFound),
				"make the container anew")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("secret %q: %w", s.Name, err)
		}
		if s.Type == spec.SecretMount {
			files = append(files, oci.File{Path: s.Target, Data: data, UID: s.UID, GID: s.GID, Mode: s.Mode})
			continue
		}
		entry, err := SecretVariable(s.Name, s.Target, data)
		if err != nil {
			return nil, nil, errs.WithHint(err, "leave out type=env")
		}
		env = append(env, entry)
	}
	return files, env, nil
}

// SecretVariable makes VARIABLE=VALUE of a secret.
func SecretVariable(name, variable string, data []byte) (string, error) {
	entry := variable + "=" + string(data)
	switch {
	case bytes.IndexByte(data, 0) >= 0:
		return "", errs.Invalidf("secret %q: it has a NUL byte in it, which no variable can have", name)
	case len(entry) > longestVariable:
		return "", errs.Invalidf("secret %q: %d bytes are too long for a variable", name, len(data))
	}
	return entry, nil
}

// addSecrets gives the first process its secrets. They are in its order alone, which is memory:
// neither in the record, nor in what inspect shows, nor in anybody's arguments.
func (r *run) addSecrets(order *oci.Order) error {
	files, env, err := readSecrets(r.dir.Path(), r.c.Secrets)
	if err != nil {
		return err
	}
	if r.step != nil {
		files, env = append(files, r.step.Files...), append(env, r.step.Env...)
	}
	order.SetFiles(files)
	order.SetEnv(spec.JoinEnv(order.Env(), env))
	return nil
}
