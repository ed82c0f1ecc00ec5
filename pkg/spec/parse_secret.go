package spec

import (
	"strconv"
	"strings"
)

// Ways in which a container gets a secret (Secret.Type).
const (
	SecretMount = "mount"
	SecretEnv   = "env"
)

// SecretsDir is where secrets are that name no place of their own: podman's and docker's.
const SecretsDir = "/run/secrets"

// secretMode is what a secret's file has that names no mode.
const secretMode = 0o444

// Secret is one --secret: which secret a container gets, and how. The secret itself is in no
// record: see package secret.
type Secret struct {
	// Name is the secret's name; as it was parsed, a name or an id.
	Name string `json:"name"`
	ID   string `json:"id"`
	// Type is SecretMount or SecretEnv.
	Type string `json:"type"`
	// Target is a path in the container, or the name of a variable; as it was parsed it may be "",
	// for what goes by the secret's name.
	Target string `json:"target"`
	// UID, GID and Mode are the file's, as the container sees them.
	UID  uint32 `json:"uid,omitempty"`
	GID  uint32 `json:"gid,omitempty"`
	Mode uint32 `json:"mode,omitempty"`
}

// ParseSecret reads --secret NAME[,type=mount|env][,target=…][,uid=…][,gid=…][,mode=…]; as in
// podman the name can be source=NAME anywhere, too.
func ParseSecret(value string) (Secret, error) {
	if err := noNUL(value); err != nil {
		return Secret{}, err
	}
	s := Secret{Mode: secretMode}
	seen := map[string]bool{}
	for i, field := range strings.Split(value, ",") {
		key, val, hasValue := strings.Cut(field, "=")
		switch {
		case i == 0 && !hasValue:
			key, val = "source", field
		case !hasValue:
			return Secret{}, invalid(value, "%q: want OPTION=VALUE, OPTION one of type, target, uid, gid and mode", field)
		}
		if seen[key] {
			return Secret{}, invalid(value, "%q is there twice", key)
		}
		seen[key] = true
		if err := setSecret(&s, value, key, val); err != nil {
			return Secret{}, err
		}
	}
	if s.Name == "" {
		return Secret{}, invalid(value, "the secret's name is missing: want NAME[,type=mount|env][,target=…]")
	}
	return s, completeSecret(&s, value, seen)
}

// setSecret takes one option.
func setSecret(s *Secret, value, key, val string) error {
	switch key {
	case "source":
		s.Name = val
	case "type":
		s.Type = val
		if val != SecretMount && val != SecretEnv {
			return invalid(value, "type=%q: want mount or env", val)
		}
	case "target":
		if s.Target = val; val == "" {
			return invalid(value, "target= is empty")
		}
	case "uid":
		return secretNumber(value, key, val, 10, 1<<32-2, &s.UID)
	case "gid":
		return secretNumber(value, key, val, 10, 1<<32-2, &s.GID)
	case "mode":
		return secretNumber(value, key, val, 8, 0o7777, &s.Mode)
	default:
		return invalid(value, "%q: want type, target, uid, gid or mode", key)
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
		return invalid(value, "%s=%q: want %s from 0 to %s", key, val, kind, strconv.FormatUint(most, base))
	}
	*to = uint32(n)
	return nil
}

// completeSecret makes a path absolute, and refuses what does not go together.
func completeSecret(s *Secret, value string, seen map[string]bool) error {
	if s.Type == "" {
		s.Type = SecretMount
	}
	if s.Type == SecretEnv {
		for _, key := range []string{"uid", "gid", "mode"} {
			if seen[key] {
				return invalid(value, "%s= belongs to type=mount: a variable has none", key)
			}
		}
		s.Mode = 0
		if strings.Contains(s.Target, "=") {
			return invalid(value, "target=%q: a variable's name has no '='", s.Target)
		}
		return nil
	}
	if s.Target == "" {
		return nil
	}
	if !strings.HasPrefix(s.Target, "/") {
		s.Target = SecretsDir + "/" + s.Target
	}
	target, err := containerPath(value, s.Target)
	s.Target = target
	return err
}
