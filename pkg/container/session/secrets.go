package session

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/spec"
)

// SecretFile is where a container of a directory has its nth secret: a link to what the store has,
// so that it keeps what it was made with (see package secret).
func SecretFile(dir string, n int) string { return filepath.Join(dir, "secrets", strconv.Itoa(n)) }

// longestVariable is what execve(2) takes: MAX_ARG_STRLEN is 32 pages, with NUL.
const longestVariable = 128<<10 - 1

// ReadSecrets reads the secrets of a container's directory: those that are files, and those that
// are variables as KEY=VALUE.
func ReadSecrets(dir string, secrets []spec.Secret) (files []oci.File, env []string, err error) {
	for n, s := range secrets {
		data, err := os.ReadFile(SecretFile(dir, n))
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
