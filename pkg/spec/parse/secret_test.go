package parse

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/spec"
)

func TestParseSecret(t *testing.T) {
	for value, want := range map[string]spec.Secret{
		"db":                                {Name: "db", Type: spec.SecretMount, Mode: 0o444},
		"db,target=pw":                      {Name: "db", Type: spec.SecretMount, Target: "/run/secrets/pw", Mode: 0o444},
		"db,type=mount,target=/etc/x/../pw": {Name: "db", Type: spec.SecretMount, Target: "/etc/pw", Mode: 0o444},
		"db,uid=1000,gid=100,mode=0400":     {Name: "db", Type: spec.SecretMount, UID: 1000, GID: 100, Mode: 0o400},
		"type=env,source=db,target=PW":      {Name: "db", Type: spec.SecretEnv, Target: "PW"},
		"db,type=env":                       {Name: "db", Type: spec.SecretEnv},
	} {
		got, err := Secret(value)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", value, err, diff)
		}
	}
	for value, word := range map[string]string{
		"": "name", ",type=env": "name", "type=env": "name", "db,type=file": "mount or env", "db,colour=red": "colour", "db,mode=9": "octal",
		"db,mode=77777": "7777", "db,uid=-1": "uid", "db,gid=4294967295": "gid", "db,type=env,uid=0": "type=mount", "db,type=env,mode=0400": "type=mount",
		"db,type=env,target=A=B": "'='", "db,target=": "empty", "db,target=/": "hide", "db,uid=1,uid=2": "twice", "db,source=x": "twice",
		"db,rubbish": "OPTION=VALUE", "db\x00": "NUL",
	} {
		if _, err := Secret(value); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v, want %q", value, err, word)
		}
	}
}

func FuzzParseSecret(f *testing.F) {
	for _, seed := range []string{"db", "db,type=env,target=PW", "source=db,uid=1,gid=2,mode=0400,target=/x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		s, err := Secret(value)
		if err != nil {
			return
		}
		if s.Name == "" || s.Type == spec.SecretMount && s.Target != "" && !strings.HasPrefix(s.Target, "/") || s.Mode > 0o7777 {
			t.Errorf("%q: %+v", value, s)
		}
	})
}
