package manifest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

func TestFlags(t *testing.T) {
	no := false
	registry := image.Registry{Retry: 3}
	created, err := clitest.Options(t, newCreateCommand, "--all", "-a", "--annotation", "a=b=c", "--tls-verify=false", "l", "i")
	want := &createOptions{
		Name: "l", Amend: true, Annotations: map[string]string{"a": "b=c"},
		Add: addOptions{List: "l", Images: []string{"i"}, All: true, Registry: image.Registry{Retry: 3, TLSVerify: &no}},
	}
	if d := cmp.Diff(want, created); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
	added, err := clitest.Options(t, newAddCommand, "--arch", "aarch64", "--os", "linux", "--variant", "v8", "--os-version", "1", "--os-features", "a,b",
		"--features", "c", "--annotation", "d=e", "l", "i", "j")
	wantAdd := &addOptions{List: "l", Images: []string{"i", "j"}, Registry: registry, Change: change{
		Annotations: map[string]string{"d": "e"}, Arch: "arm64", OS: "linux", OSVersion: "1", Variant: "v8", OSFeatures: []string{"a", "b"}, Features: []string{"c"},
	}}
	if d := cmp.Diff(wantAdd, added); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
	i := image.Instance{Platform: &image.InstancePlatform{Arch: "amd64", OS: "linux"}}
	added.Change.apply(&i)
	wantInstance := image.Instance{Annotations: map[string]string{"d": "e"}, Platform: &image.InstancePlatform{
		Arch: "arm64", OS: "linux", OSVersion: "1", Variant: "v8", OSFeatures: []string{"a", "b"}, Features: []string{"c"},
	}}
	if d := cmp.Diff(wantInstance, i); d != "" {
		t.Error(d)
	}
	pushed, err := clitest.Options(t, newPushCommand, "--all=false", "-q", "-p", "-f", "oci", "--digestfile", "d", "l", "r/i")
	wantPush := &pushOptions{List: "l", Destination: "r/i", Remove: true, DigestFile: "d", ListPush: image.ListPush{
		Type: "oci", Bare: true, Quiet: true, Registry: registry,
	}}
	if d := cmp.Diff(wantPush, pushed); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		err  error
		kind error
	}{
		{second(clitest.Options(t, newCreateCommand)), errs.ErrInvalid},
		{second(clitest.Options(t, newCreateCommand, "--annotation", "x", "l")), errs.ErrInvalid},
		{second(clitest.Options(t, newAddCommand, "l")), errs.ErrInvalid},
		{second(clitest.Options(t, newAddCommand, "--artifact", "l", "f")), errs.ErrUnsupported},
		{second(clitest.Options(t, newAnnotateCommand, "l")), errs.ErrInvalid},
		{second(clitest.Options(t, newAnnotateCommand, "--index", "l", "i")), errs.ErrInvalid},
		{second(clitest.Options(t, newAnnotateCommand, "--index", "--features", "x", "l")), errs.ErrInvalid},
		{second(clitest.Options(t, newPushCommand, "-f", "v3", "l", "r/i")), errs.ErrInvalid},
		{second(clitest.Options(t, newPushCommand, "--add-compression", "zstd", "l", "r/i")), errs.ErrUnsupported},
		{second(clitest.Options(t, newPushCommand, "--sign-by", "me", "l", "r/i")), errs.ErrUnsupported},
		{second(clitest.Options(t, newRemoveCommand, "l")), errs.ErrInvalid},
		{second(clitest.Options(t, newInspectCommand)), errs.ErrInvalid},
	} {
		if !errors.Is(c.err, c.kind) {
			t.Errorf("%v, want %v", c.err, c.kind)
		}
	}
}

func second[T any](_ T, err error) error { return err }
