package parse

import (
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// secretMode is what a secret's file has that names no mode.
const secretMode = 0o444

// Secret reads --secret NAME[,type=mount|env][,target=…][,uid=…][,gid=…][,mode=…]; as in
// podman the name can be source=NAME anywhere, too.
func Secret(value string) (spec.Secret, error) {
	if err := NoNUL(value); err != nil {
		return spec.Secret{}, err
	}
	s := spec.Secret{Mode: secretMode}
	seen := map[string]bool{}
	for i, field := range strings.Split(value, ",") {
		key, val, hasValue := strings.Cut(field, "=")
		switch {
		case i == 0 && !hasValue:
			key, val = "source", field
		case !hasValue:
			return spec.Secret{}, Invalid(value, "%q: want OPTION=VALUE, OPTION one of type, target, uid, gid and mode", field)
		}
		if seen[key] {
			return spec.Secret{}, Invalid(value, "%q is there twice", key)
		}
		seen[key] = true
		if err := setSecret(&s, value, key, val); err != nil {
			return spec.Secret{}, err
		}
	}
	if s.Name == "" {
		return spec.Secret{}, Invalid(value, "the secret's name is missing: want NAME[,type=mount|env][,target=…]")
	}
	return s, completeSecret(&s, value, seen)
}

// setSecret takes one option.
func setSecret(s *spec.Secret, value, key, val string) error {
	switch key {
	case "source":
		s.Name = val
	case "type":
		s.Type = val
		if val != spec.SecretMount && val != spec.SecretEnv {
			return Invalid(value, "type=%q: want mount or env", val)
		}
	case "target":
		if s.Target = val; val == "" {
			return Invalid(value, "target= is empty")
		}
	case "uid":
		return secretNumber(value, key, val, 10, 1<<32-2, &s.UID)
	case "gid":
		return secretNumber(value, key, val, 10, 1<<32-2, &s.GID)
	case "mode":
		return secretNumber(value, key, val, 8, 0o7777, &s.Mode)
	default:
		return Invalid(value, "%q: want type, target, uid, gid or mode", key)
	}
	return nil
}

func secretNumber(value, key, val string, base int, most uint64, to *uint32) error {
	n, err := strconv.ParseUint(val, base, 32)
	if err != nil || n > most {
		kind := "a number"
		if base == 8 {
			kind = "an octal number"
		}
		return Invalid(value, "%s=%q: want %s from 0 to %s", key, val, kind, strconv.FormatUint(most, base))
	}
	*to = uint32(n)
	return nil
}

// completeSecret makes a path absolute, and refuses what does not go together.
func completeSecret(s *spec.Secret, value string, seen map[string]bool) error {
	if s.Type == "" {
		s.Type = spec.SecretMount
	}
	if s.Type == spec.SecretEnv {
		for _, key := range []string{"uid", "gid", "mode"} {
			if seen[key] {
				return Invalid(value, "%s= belongs to type=mount: a variable has none", key)
			}
		}
		s.Mode = 0
		if strings.Contains(s.Target, "=") {
			return Invalid(value, "target=%q: a variable's name has no '='", s.Target)
		}
		return nil
	}
	if s.Target == "" {
		return nil
	}
	if !strings.HasPrefix(s.Target, "/") {
		s.Target = spec.SecretsDir + "/" + s.Target
	}
	target, err := Path(value, s.Target)
	s.Target = target
	return err
}
