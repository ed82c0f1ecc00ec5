package parse

import (
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestParseDevice(t *testing.T) {
	for value, want := range map[string]spec.Device{
		"/dev/fuse":                 {Host: "/dev/fuse", Container: "/dev/fuse", Perms: "rwm"},
		"/dev/fuse:/dev/other":      {Host: "/dev/fuse", Container: "/dev/other", Perms: "rwm"},
		"/dev/fuse:rw":              {Host: "/dev/fuse", Container: "/dev/fuse", Perms: "rw"},
		"/dev/fuse:/dev/other:mrw":  {Host: "/dev/fuse", Container: "/dev/other", Perms: "mrw"},
		"/dev/fuse::rw":             {Host: "/dev/fuse", Container: "/dev/fuse", Perms: "rw"},
		"vendor.com/class=gpu0":     {CDI: "vendor.com/class=gpu0"},
		"/dev/dri:/dev/dri/../dri2": {Host: "/dev/dri", Container: "/dev/dri2", Perms: "rwm"},
	} {
		got, err := Device(value)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", value, got, err, want)
		}
	}
	checkRefusals(t, []refusal{
		{"", "absolute", nil},
		{"fuse", "absolute", nil},
		{"vendor.com/class=", "CDI name", nil},
		{"vendor/class/x=gpu0", "CDI name", nil},
		{"/dev/fuse:fuse", "absolute", nil},
		{"/dev/fuse:/dev/fuse:x", "permissions", nil},
		{"/dev/fuse:/dev/fuse:rr", "permissions", nil},
		{"/dev/fuse:/dev/fuse:r", "cannot be enforced", errs.ErrUnsupported},
		{"/a:/b:rw:x", "HOST[:CONTAINER", nil},
		{"/dev/fuse:/", "hide", nil},
	}, Device)
}

func TestParseGPUs(t *testing.T) {
	for value, want := range map[string]string{
		"all": "all", "0": "0", "0,1": "0 1", "device=0,GPU-a": "0 GPU-a", `"device=0,2"`: "0 2",
	} {
		devices, err := GPUs(value)
		var got []string
		for _, d := range devices {
			got = append(got, strings.TrimPrefix(d.CDI, "nvidia.com/gpu="))
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v", value, got, err)
		}
	}
	checkRefusals(t, []refusal{
		{"", "all", nil}, {"count=1", "numbers", nil}, {"0,", "numbers", nil}, {"driver=nvidia,0", "numbers", nil}, {"a b", "numbers", nil},
	}, GPUs)
}

func FuzzParseDevice(f *testing.F) {
	for _, seed := range []string{"/dev/fuse", "/dev/a:/dev/b:rw", "x=y", "vendor.com/class=name"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		d, err := Device(value)
		if err == nil && d.CDI == "" && (!strings.HasPrefix(d.Host, "/") || !strings.HasPrefix(d.Container, "/") || d.Perms == "") {
			t.Errorf("%q gave %+v", value, d)
		}
	})
}
