package lists

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

func TestLists(t *testing.T) {
	ctx, cfg := t.Context(), &config.Config{DataRoot: t.TempDir()}
	name, err := Create(ctx, cfg, "app", false, map[string]string{"a": "b"})
	if name != "localhost/app:latest" || err != nil {
		t.Fatalf("%q, %v", name, err)
	}
	if _, err := Create(ctx, cfg, "localhost/app", false, nil); !errors.Is(err, errs.ErrExists) {
		t.Error(err)
	}
	if _, err := Create(ctx, cfg, "app", true, map[string]string{"c": "d"}); err != nil {
		t.Error(err)
	}
	if _, err := Create(ctx, cfg, "quay.io/team/app:1.0", false, nil); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff([]string{"localhost/app:latest", "quay.io/team/app:1.0"}, Names(cfg)); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"", "A", "app@sha256:" + strings.Repeat("0", 64), "../app"} {
		if _, err := Create(ctx, cfg, bad, false, nil); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	// Changes side by side do not lose each other.
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			err := Change(ctx, cfg, "app", func(l *List) error {
				l.Add(image.Instance{Digest: fmt.Sprint(i)}, image.Instance{Digest: "same"})
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	l, err := Read(cfg, "app")
	if err != nil || len(l.Instances) != 11 {
		t.Fatalf("%+v, %v", l, err)
	}
	if d := cmp.Diff(map[string]string{"a": "b", "c": "d"}, l.Annotations); d != "" {
		t.Error(d)
	}
	if _, err := l.Find(cfg, "7"); err != nil {
		t.Error(err)
	}
	if _, err := l.Find(cfg, "77"); !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
	// A change that fails changes nothing; damage is told.
	broken := errors.New("broken")
	if err := Change(ctx, cfg, "app", func(l *List) error { l.Instances = nil; return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if l, err := Read(cfg, "app"); err != nil || len(l.Instances) != 11 {
		t.Errorf("%+v, %v", l, err)
	}
	if err := os.WriteFile(path(cfg, name), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(cfg, "app"); !errors.Is(err, errs.ErrInvalid) || errs.Hint(err) == "" {
		t.Error(err)
	}
	gone, err := Remove(ctx, cfg, false, "none", "app", "quay.io/team/app:1.0")
	if d := cmp.Diff([]string{"localhost/app:latest", "quay.io/team/app:1.0"}, gone); d != "" || !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("%v %s", err, d)
	}
	if names := Names(cfg); len(names) != 0 {
		t.Error(names)
	}
}

func TestJSON(t *testing.T) {
	l := &List{Annotations: map[string]string{"a": "b"}, Instances: []image.Instance{{
		MediaType: "t", Digest: "d", Size: 3, ID: "secret", Repository: "secret", Annotations: map[string]string{"c": "d"},
		Platform: &image.InstancePlatform{Arch: "arm", OS: "linux", Features: []string{"neon"}},
	}}}
	oci, err := l.JSON(image.OCI)
	if err != nil {
		t.Fatal(err)
	}
	docker, err := l.JSON(image.Docker)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		oci  bool
		both bool
	}{{image.MediaTypeIndex, true, false}, {`"annotations"`, true, false}, {image.MediaTypeDockerList, false, false}, {"neon", false, false}, {`"arm"`, true, true}} {
		if strings.Contains(string(oci), c.text) != c.oci || strings.Contains(string(docker), c.text) != (c.both || !c.oci) {
			t.Errorf("%s:\n%s\n%s", c.text, oci, docker)
		}
	}
	if strings.Contains(string(oci)+string(docker), "secret") {
		t.Errorf("rc's own fields got out: %s", oci)
	}
	if l.Instances[0].ID == "" || l.Instances[0].Platform.Features == nil {
		t.Error("the list itself has changed")
	}
}
