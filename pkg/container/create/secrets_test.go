package create

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestSecrets(t *testing.T) {
	asked := []spec.Secret{
		{Name: "db", Type: spec.SecretMount, Mode: 0o444},
		{Name: "db", Type: spec.SecretMount, Target: "/x", UID: 1},
		{Name: "db", Type: spec.SecretEnv},
		{Name: "db", Type: spec.SecretEnv, Target: "/x"},
	}
	c, err := Container(Options{Secrets: asked, Args: []string{"x"}}, Image{}, testEnvironment(config.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	want := []spec.Secret{
		{Name: "db", ID: "0123456789", Type: spec.SecretMount, Target: "/run/secrets/db", Mode: 0o444},
		{Name: "db", ID: "0123456789", Type: spec.SecretMount, Target: "/x", UID: 1},
		{Name: "db", ID: "0123456789", Type: spec.SecretEnv, Target: "db"},
		{Name: "db", ID: "0123456789", Type: spec.SecretEnv, Target: "/x"},
	}
	if diff := cmp.Diff(want, c.Secrets); diff != "" {
		t.Error(diff)
	}
	volume := []specs.Mount{{Type: "bind", Source: "/srv", Destination: "/run/secrets/db"}}
	for word, opts := range map[string]Options{
		"not found": {Secrets: []spec.Secret{{Name: "missing", Type: spec.SecretMount}}},
		"twice":     {Secrets: []spec.Secret{asked[0], asked[0]}},
		"/db":       {Secrets: asked[:1], Mounts: volume},
	} {
		opts.Args = []string{"x"}
		if _, err := Container(opts, Image{}, testEnvironment(config.Config{})); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v, want %q", err, word)
		}
	}
}
