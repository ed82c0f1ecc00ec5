package create

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestFiles(t *testing.T) {
	names := Names{
		HostHosts:      []byte("127.0.0.1 localhost\n192.0.2.1 server\n\n"),
		HostResolvConf: []byte("# made by hand\nsearch example.org\nnameserver 127.0.0.53\nnameserver 192.0.2.53\n"),
	}
	private := names
	private.Address, private.NameServers, private.HostAddress = "10.0.2.100", []string{"10.0.2.3"}, "10.0.2.2"
	const local = "127.0.0.1\tlocalhost localhost.localdomain\n::1\tlocalhost localhost.localdomain ip6-localhost ip6-loopback\n"
	for name, test := range map[string]struct {
		opts  Options
		names Names
		want  map[string]string
	}{
		"private": {names: private, want: map[string]string{
			"hosts":       local + "10.0.2.2\thost.containers.internal host.docker.internal\n10.0.2.100\t0123456789ab focused_curie\n192.0.2.1\tserver\n",
			"resolv.conf": "search example.org\nnameserver 10.0.2.3\nnameserver 192.0.2.53\n",
			"hostname":    "0123456789ab\n",
		}},
		"none": {opts: Options{Network: spec.Network{Mode: "none"}, Hostname: "box", Domainname: "example.org"}, names: names, want: map[string]string{
			"hosts":       local + "127.0.0.1\tbox.example.org box focused_curie\n192.0.2.1\tserver\n",
			"resolv.conf": "search example.org\nnameserver 192.0.2.53\n",
			"hostname":    "box\n",
		}},
		"no base": {opts: Options{Network: spec.Network{Mode: "none", HostsFile: "none"}, Hostname: "box"}, names: names, want: map[string]string{
			"hosts":       local + "127.0.0.1\tbox focused_curie\n",
			"resolv.conf": "search example.org\nnameserver 192.0.2.53\n",
			"hostname":    "box\n",
		}},
		"host": {opts: Options{Network: spec.Network{Mode: "host"}, UTS: "host"}, names: names, want: map[string]string{
			"hosts":       "127.0.0.1 localhost\n192.0.2.1 server\n",
			"resolv.conf": string(names.HostResolvConf),
			"hostname":    "laptop\n",
		}},
		"host network, own name": {opts: Options{Network: spec.Network{Mode: "host"}, Hostname: "box"}, names: names, want: map[string]string{
			"hosts":       "127.0.0.1 localhost\n192.0.2.1 server\n127.0.0.1\tbox\n",
			"resolv.conf": string(names.HostResolvConf),
			"hostname":    "box\n",
		}},
	} {
		test.opts.Args = []string{"true"}
		image := testImage()
		c, err := Container(test.opts, image, testEnvironment(config.Config{}))
		if err != nil {
			t.Fatal(err)
		}
		test.want[".containerenv"] = "engine=\"rc\"\nname=\"focused_curie\"\nid=\"" + c.ID + "\"\nimage=\"docker.io/library/app:1\"\nimageid=\"" + image.ID + "\"\nrootless=1\n"
		got := map[string]string{}
		for file, content := range Files(c, test.names) {
			got[file] = string(content)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
