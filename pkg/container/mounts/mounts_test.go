package mounts

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/volume"
	"github.com/rc-containers/rc/pkg/volume/driver"
)

func TestResolve(t *testing.T) {
	root := volume.Root{Data: t.TempDir()}
	device := t.TempDir()
	for _, v := range []spec.Volume{
		{Name: "plain"},
		{Name: "used", Options: map[string]string{"nocopy": ""}},
		{Name: "mem", Options: map[string]string{"type": "tmpfs", "o": "size=1m"}},
		{Name: "host", Options: map[string]string{"type": "none", "o": "bind,ro", "device": device}},
		{Name: "lost", Options: map[string]string{"type": "bind", "device": device + "/no"}},
	} {
		if err := driver.Create(root, v, false); err != nil {
			t.Fatal(err)
		}
	}
	usual := []string{"rbind", "rprivate", "nosuid", "nodev"}
	mount := func(kind, source string, options ...string) specs.Mount {
		return specs.Mount{Type: kind, Source: source, Destination: "/d", Options: options}
	}
	volumeMount := func(name string, more ...string) specs.Mount {
		return mount(spec.TypeVolume, name, append(append([]string{}, usual...), more...)...)
	}
	bind := func(source string, more ...string) specs.Mount {
		return mount("bind", source, append(append([]string{}, usual...), more...)...)
	}
	for name, test := range map[string]struct {
		in   specs.Mount
		want Resolved
	}{
		"bind": {mount("bind", "/a", "rbind"), Resolved{Mounts: []specs.Mount{mount("bind", "/a", "rbind")}}},
		"new":  {volumeMount("new", "anonymous"), Resolved{Mounts: []specs.Mount{bind(root.Path("new"))}, Fills: []shim.Fill{{Volume: "new", Target: "/d", Copy: true}}}},
		"unfilled, nocopy": {volumeMount("plain", "nocopy", "ro"), Resolved{
			Mounts: []specs.Mount{bind(root.Path("plain"), "ro")}, Fills: []shim.Fill{{Volume: "plain", Target: "/d"}},
		}},
		"used": {volumeMount("used"), Resolved{Mounts: []specs.Mount{bind(root.Path("used"))}}},
		"memory": {volumeMount("mem", "ro"), Resolved{
			Mounts: []specs.Mount{mount("tmpfs", "tmpfs", "rprivate", "nosuid", "nodev", "ro", "size=1048576", "tmpcopyup")}, Tmpfs: []string{"mem"},
		}},
		"host": {volumeMount("host"), Resolved{Mounts: []specs.Mount{bind(device, "bind", "ro")}}},
		"part": {volumeMount("plain", "subpath=x/y"), Resolved{
			Mounts: []specs.Mount{bind(root.Path("plain") + "/x/y:/d")},
			Parts:  []shim.Part{{Key: root.Path("plain") + "/x/y:/d", Path: root.Path("plain"), Subpath: "x/y", Recursive: true}},
		}},
		"over": {mount(spec.TypeVolume, "plain", "O", "U", "overlay-dir=/c/overlays/0"), Resolved{
			Mounts:   []specs.Mount{mount("bind", "/c/overlays/0/merged", "rbind", "rprivate", "U")},
			Overlays: []shim.Overlay{{Dir: "/c/overlays/0", Lower: []string{root.Path("plain")}}},
		}},
		"kept": {mount("overlay", "/a", "O", "upperdir=/u", "workdir=/w", "overlay-dir=/c/overlays/1"), Resolved{
			Mounts:   []specs.Mount{mount("bind", "/c/overlays/1/merged", "rbind", "rprivate")},
			Overlays: []shim.Overlay{{Dir: "/c/overlays/1", Lower: []string{"/a"}, Upper: "/u", Work: "/w"}},
		}},
		"of an old record": {mount("overlay", "/a", "upperdir=/c/overlays/0/upper", "workdir=/c/overlays/0/work"), Resolved{
			Mounts:   []specs.Mount{mount("bind", "/c/overlays/0/merged", "rbind", "rprivate")},
			Overlays: []shim.Overlay{{Dir: "/c/overlays/0", Lower: []string{"/a"}}},
		}},
		"image": {mount(spec.TypeImage, "alpine", "rprivate", "ro", "image=ab", "lower=/1", "lower=/2", "mount-program=fuse", "overlay-dir=/o", "subpath=etc"), Resolved{
			Mounts:   []specs.Mount{mount("bind", "/o/merged/etc:/d", "rbind", "rprivate", "ro")},
			Overlays: []shim.Overlay{{Dir: "/o", Lower: []string{"/1", "/2"}, ReadOnly: true, Program: "fuse", Shift: true}},
			Parts:    []shim.Part{{Key: "/o/merged/etc:/d", Path: "/o/merged", Subpath: "etc", Recursive: true}},
		}},
	} {
		got, err := Resolve(root, []specs.Mount{test.in})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(&test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for want, in := range map[string]specs.Mount{
		"in memory":   volumeMount("mem", "subpath=x"),
		device:        volumeMount("lost"),
		"only root":   volumeMount("fresh", "volume-opt=type=nfs"),
		"name: want ": volumeMount("a/b"),
	} {
		if _, err := Resolve(root, []specs.Mount{in}); err == nil || !strings.Contains(err.Error()+errs.Hint(err), want) {
			t.Errorf("%v: %v, want %q", in, err, want)
		}
	}
}

func TestHold(t *testing.T) {
	root := volume.Root{Data: t.TempDir()}
	list := []specs.Mount{
		{Type: spec.TypeVolume, Source: "a", Options: []string{"volume-label=k=v", "volume-label=l", "volume-opt=o=nocopy"}},
		{Type: "bind", Source: "/x"},
		{Type: spec.TypeVolume, Source: "a"},
		{Type: spec.TypeVolume, Source: "b", Options: []string{"anonymous"}},
	}
	held, err := Hold(root, list, false, false)
	if err != nil {
		t.Fatal(err)
	}
	v, err := root.Load("a")
	if err != nil || v.Labels["k"] != "v" || v.Options["o"] != "nocopy" || len(v.Labels) != 2 {
		t.Errorf("%+v %v", v, err)
	}
	if v, err = root.Load("b"); err != nil || !v.Anonymous {
		t.Errorf("%+v %v", v, err)
	}
	if _, err := root.Remove("a", func() error { return nil }); !errors.Is(err, errs.ErrInUse) {
		t.Errorf("removed while it is held: %v", err)
	}
	used := func(name string) error {
		if name == "a" {
			return errs.ErrInUse
		}
		return nil
	}
	if err := held.Discard(used); err != nil {
		t.Error(err)
	}
	if names, err := root.Names(); err != nil || strings.Join(names, " ") != "a" {
		t.Errorf("%v %v", names, err)
	}
	if _, err := Hold(root, list, true, false); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("an old container's volume that is gone: %v", err)
	}
	bad := []specs.Mount{{Type: spec.TypeVolume, Source: "c"}, {Type: spec.TypeVolume, Source: "d", Options: []string{"volume-opt=type=nfs"}}}
	if _, err := Hold(root, bad, false, false); !errors.Is(err, errs.ErrUnsupported) {
		t.Errorf("%v", err)
	}
	if _, err := root.Load("c"); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("left over: %v", err)
	}
}
