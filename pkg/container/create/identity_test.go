package create

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/userns"
)

// layerOf is a layer with account files.
func layerOf(t *testing.T, passwd, group string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{passwdFile: passwd, groupFile: group} {
		if content == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	imagePasswd = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh"
	imageGroup  = "root:x:0:\nalice:x:1000:\n"
)

func TestAccounts(t *testing.T) {
	for _, test := range []struct {
		what      string
		user      string
		opts      Identities
		passwd    string // of the image
		addPasswd string
		addGroup  string
	}{
		{what: "a known name", user: "alice", passwd: imagePasswd},
		{what: "a known number", user: "1000", passwd: imagePasswd},
		{what: "a number", user: "5", passwd: imagePasswd, addPasswd: "5:*:5:0:container user:/w:/bin/sh\n"},
		{what: "with a group", user: "5:6", passwd: imagePasswd, addPasswd: "5:*:5:6:container user:/w:/bin/sh\n", addGroup: "6:x:6:5\n"},
		{what: "an image without accounts", user: "5", passwd: ""},
		{what: "none wanted", user: "5", passwd: imagePasswd, opts: Identities{NoPasswd: true}},
		{
			what: "lines of one's own", user: "5:6", passwd: imagePasswd, opts: Identities{PasswdEntry: "me:x:$UID:$GID:$NAME:$HOME:/sh", GroupEntry: "us:x:$GID:$USERLIST,x"},
			addPasswd: "me:x:5:6:container user:/w:/sh\n", addGroup: "us:x:6:5,x\n",
		},
		{
			what: "keep-id under another number", user: "5:6", passwd: imagePasswd,
			opts:      Identities{Userns: spec.Userns{Mode: spec.UsernsKeepID, UID: new(uint32(5)), GID: new(uint32(6))}},
			addPasswd: "5:*:5:6:container user:/w:/bin/sh\n", addGroup: "6:x:6:5\n",
		},
	} {
		image := Image{Rootfs: spec.Rootfs{Lower: []string{layerOf(t, "", ""), layerOf(t, test.passwd, imageGroup)}}}
		c := &spec.Container{Rootfs: image.Rootfs, Userns: test.opts.Userns, OCI: specs.Spec{Process: &specs.Process{Cwd: "/w", User: specs.User{Username: test.user}}}}
		got, err := Accounts(t.Context(), c, Options{Identities: test.opts}, image)
		want := map[string][]byte{}
		if test.addPasswd != "" {
			want[passwdFile] = []byte(test.passwd + "\n" + test.addPasswd)
		}
		if test.addGroup != "" {
			want[groupFile] = []byte(imageGroup + test.addGroup)
		}
		if len(want) == 0 {
			want = nil
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", test.what, err, diff)
		}
	}
}

func TestIdentities(t *testing.T) {
	own := []specs.LinuxIDMapping{{HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65536}}
	layer := layerOf(t, imagePasswd+"\nlast:x:3000:1::/:\nnobody:x:65534:65534::/:\n", "g:x:4000:\n")
	describe := func(o Identities, user string) (*spec.Container, error) {
		env := Environment{
			Config: &config.Config{CgroupManager: "systemd"}, ID: strings.Repeat("0", 64), Name: "n", Network: "pasta",
			IDs: userns.Map{UIDs: own, GIDs: own}, UID: 1000, GID: 1000,
		}
		if err := o.choose(""); err != nil {
			return nil, err
		}
		image := Image{Config: index.ImageConfig{Cmd: []string{"x"}, User: "alice"}, Rootfs: spec.Rootfs{Lower: []string{layer}}}
		return Container(Options{Identities: o, User: user}, image, env)
	}
	c, err := describe(Identities{Userns: spec.Userns{Mode: spec.UsernsKeepID}}, "")
	if err != nil || c.OCI.Process.User.Username != "1000:1000" || len(c.OCI.Linux.UIDMappings) != 3 || !spec.HasNamespace(&c.OCI, specs.UserNamespace) {
		t.Errorf("%v, %+v", err, c)
	}
	if c, err = describe(Identities{Userns: spec.Userns{Mode: spec.UsernsKeepID}}, "0"); err != nil || c.OCI.Process.User.Username != "0" {
		t.Errorf("%v, %+v", err, c)
	}
	if c, err = describe(Identities{Userns: spec.Userns{Mode: spec.UsernsAuto}}, ""); err != nil || c.Userns.Size != 4001 || len(c.OCI.Linux.UIDMappings) != 0 {
		t.Errorf("%v, %+v", err, c)
	}
	if c, err = describe(Identities{Userns: spec.Userns{Mode: spec.UsernsAuto}}, "5000"); err != nil || c.Userns.Size != 5001 {
		t.Errorf("%v, %+v", err, c)
	}
	if c, err = describe(Identities{Userns: spec.Userns{Mode: spec.UsernsHost}}, ""); err != nil || c.Userns.Mode != "" || spec.HasNamespace(&c.OCI, specs.UserNamespace) {
		t.Errorf("%v, %+v", err, c)
	}
	configured := Identities{}
	if err := configured.choose("auto:size=5"); err != nil || configured.Userns.Mode != spec.UsernsAuto || configured.Userns.Size != 5 {
		t.Errorf("%v, %+v", err, configured)
	}
	if err := (&Identities{}).choose("sometimes"); err == nil || !strings.HasPrefix(err.Error(), "containers.conf: userns: ") {
		t.Error(err)
	}
	for want, o := range map[string]Identities{
		"--userns keep-id: it cannot be combined": {Userns: spec.Userns{Mode: spec.UsernsKeepID}, UIDMaps: []spec.IDMapping{{Size: 1}}},
		"--subuidname and --subgidname: they":     {SubUIDName: "x", UIDMaps: []spec.IDMapping{{Size: 1}}},
		"--userns private: it needs --uidmap":     {Userns: spec.Userns{Mode: spec.UsernsPrivate}},
	} {
		if _, err := describe(o, ""); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
