package driver

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/volume"
)

func TestParseOptions(t *testing.T) {
	five, six := 5, 6
	type options = map[string]string
	for _, test := range []struct {
		in   options
		want volume.Mount
	}{
		{nil, volume.Mount{}},
		{options{"o": "uid=5,gid=6,noquota"}, volume.Mount{UID: &five, GID: &six}},
		{options{"nocopy": ""}, volume.Mount{NoCopy: true}},
		{options{"o": "nocopy"}, volume.Mount{NoCopy: true}},
		{options{"type": "tmpfs", "device": "tmpfs", "o": "size=1m,noexec,uid=5"}, volume.Mount{
			Kind: volume.Tmpfs, UID: &five, Options: []string{"rprivate", "nosuid", "nodev", "noexec", "size=1048576", "uid=5", "tmpcopyup"},
		}},
		{options{"type": "tmpfs", "o": "nocopy"}, volume.Mount{Kind: volume.Tmpfs, NoCopy: true, Options: []string{"rprivate", "nosuid", "nodev"}}},
		{options{"type": "none", "device": "/a,b/", "o": "bind,ro"}, volume.Mount{Kind: volume.Bind, Device: "/a,b", Options: []string{"bind", "rprivate", "ro"}}},
		{options{"type": "bind", "device": "/a"}, volume.Mount{Kind: volume.Bind, Device: "/a", Options: []string{"rbind", "rprivate"}}},
	} {
		got, err := Parse(test.in)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%v: %v %s", test.in, err, diff)
		}
	}
	for want, in := range map[string]options{
		"want one of":         {"colour": "red"},
		"quotas":              {"o": "size=1g"},
		"needs type=":         {"o": "ro"},
		"only root":           {"type": "nfs", "device": "h:/x", "o": "addr=h"},
		"of type=tmpfs":       {"type": "tmpfs", "device": "/dev/sda"},
		"unknown option":      {"type": "tmpfs", "o": "colour=red"},
		"absolute path":       {"type": "none", "o": "bind", "device": "x"},
		"o=bind":              {"device": "/x"},
		"U and O":             {"type": "bind", "device": "/x", "o": "U"},
		`o=uid=-1: want a nu`: {"o": "uid=-1"},
	} {
		if _, err := Parse(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", in, err, want)
		}
	}
}

func TestCreate(t *testing.T) {
	root := volume.Root{Data: t.TempDir()}
	for name, test := range map[string]struct {
		options  map[string]string
		unfilled bool
		source   string
	}{
		"plain":  {nil, true, root.Path("plain")},
		"nocopy": {map[string]string{"o": "nocopy"}, false, root.Path("nocopy")},
		"memory": {map[string]string{"type": "tmpfs"}, false, root.Path("memory")},
		"bound":  {map[string]string{"type": "none", "o": "bind", "device": "/srv"}, false, "/srv"},
	} {
		if err := Create(root, spec.Volume{Name: name, Options: test.options}, false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if root.Unfilled(name) != test.unfilled || Source(root, name) != test.source {
			t.Errorf("%s: unfilled %t, files in %s", name, root.Unfilled(name), Source(root, name))
		}
	}
	if err := Create(root, spec.Volume{Name: "v", Options: map[string]string{"colour": "red"}}, false); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("an unknown option: %v", err)
	}
	if err := Create(root, spec.Volume{Name: "plain"}, false); !errors.Is(err, errs.ErrExists) {
		t.Errorf("again: %v", err)
	}
}

func FuzzParseOptions(f *testing.F) {
	f.Add("tmpfs", "tmpfs", "size=1m,uid=5")
	f.Add("none", "/x", "bind,ro")
	f.Add("", "", "uid=1,nocopy")
	f.Fuzz(func(t *testing.T, kind, device, o string) {
		m, err := Parse(map[string]string{"type": kind, "device": device, "o": o})
		if err != nil {
			return
		}
		if m.Kind == volume.Bind && !filepath.IsAbs(m.Device) || m.Kind == volume.Plain && len(m.Options) > 0 {
			t.Errorf("%+v", m)
		}
		for _, option := range m.Options {
			if option == "" || strings.ContainsAny(option, ",\x00") {
				t.Errorf("option %q: %+v", option, m)
			}
		}
	})
}
