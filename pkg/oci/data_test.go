package oci

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/wire"
)

var update = flag.Bool("update", false, "write the golden files")

func TestDefaultsGolden(t *testing.T) {
	got, err := json.MarshalIndent(map[string]any{
		"capabilities":    DefaultCapabilities(),
		"allCapabilities": AllCapabilities(),
		"masked":          MaskedPaths(),
		"readonly":        ReadonlyPaths(),
		"devices":         DefaultDevices(),
		"mounts":          DefaultMounts(MountOptions{}),
		"mountsHostIPC":   DefaultMounts(MountOptions{IPCHost: true, Privileged: true}),
		"mountsNoSHM":     DefaultMounts(MountOptions{NoSHM: true, CgroupWritable: true, ProcOptions: []string{"hidepid=2"}}),
		"mountsSHM":       DefaultMounts(MountOptions{ShmSize: 1 << 30}),
	}, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const golden = "testdata/defaults.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestParseCapability(t *testing.T) {
	for _, name := range []string{"net_admin", "NET_ADMIN", "cap_net_admin", "CAP_NET_ADMIN", "Net_Admin"} {
		if got, err := ParseCapability(name); err != nil || got != "CAP_NET_ADMIN" {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "CAP_", "all", "CAP_CAP_CHOWN", "NET ADMIN", "potato"} {
		if got, err := ParseCapability(name); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, name := range DefaultCapabilities() {
		if _, err := ParseCapability(name); err != nil {
			t.Error(err)
		}
	}
}

func TestParseMount(t *testing.T) {
	const atime = unix.MOUNT_ATTR__ATIME
	for _, test := range []struct {
		in   specs.Mount
		want mount
	}{
		{
			specs.Mount{Destination: "/a/../b/", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "size=64k", "mode=1777", "tmpcopyup"}},
			mount{target: "/b", kind: "tmpfs", source: "tmpfs", set: unix.MOUNT_ATTR_NOSUID, data: "size=64k,mode=1777", copyUp: true},
		},
		{
			specs.Mount{Destination: "v", Source: "/s", Options: []string{"rbind", "ro", "rslave", "rnodev"}},
			mount{target: "/v", kind: "bind", source: "/s", recursive: true, set: unix.MOUNT_ATTR_RDONLY, setAll: unix.MOUNT_ATTR_NODEV, propagation: unix.MS_SLAVE | unix.MS_REC},
		},
		{
			specs.Mount{Destination: "/v", Type: "none", Source: "/s", Options: []string{"bind", "ro", "rw", "noexec", "exec"}},
			mount{target: "/v", kind: "bind", source: "/s", clear: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOEXEC},
		},
		{
			specs.Mount{Destination: "/v", Type: "bind", Source: "/s", Options: []string{"noatime", "strictatime", "rrw"}},
			mount{target: "/v", kind: "bind", source: "/s", set: unix.MOUNT_ATTR_STRICTATIME, clear: atime, clearAll: unix.MOUNT_ATTR_RDONLY},
		},
		{
			specs.Mount{Destination: "/c", Type: "cgroup", Source: "cgroup", Options: []string{"relatime", "ro"}},
			mount{target: "/c", kind: "cgroup2", source: "cgroup", set: unix.MOUNT_ATTR_RDONLY, clear: atime},
		},
	} {
		got, err := parseMount(&test.in)
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(mount{})); err != nil || diff != "" {
			t.Errorf("%v: %v\n%s", test.in, err, diff)
		}
	}
}

func TestMountAttrs(t *testing.T) {
	m := mount{recursive: true, set: unix.MOUNT_ATTR_NODEV, clear: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOEXEC, clearAll: unix.MOUNT_ATTR_NOSUID}
	want := []attrChange{
		{attr: unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NODEV, Propagation: unix.MS_PRIVATE}, recursive: true},
		{attr: unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_NOEXEC}, tolerant: true},
		{attr: unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_NOSUID}, recursive: true, tolerant: true},
	}
	if diff := cmp.Diff(want, m.attrs(), cmp.AllowUnexported(attrChange{})); diff != "" {
		t.Error(diff)
	}
}

// TestOrderRoundTrip fills every field, so that one which is forgotten in fields shows.
func TestOrderRoundTrip(t *testing.T) {
	var in order
	n := 0
	fill(reflect.ValueOf(&in).Elem(), &n)
	c := wire.NewWriter(nil)
	in.fields(c)
	var out order
	d := wire.NewReader(c.Bytes())
	out.fields(d)
	if d.Err() != nil || len(d.Bytes()) != 0 {
		t.Fatalf("%v, %d bytes left", d.Err(), len(d.Bytes()))
	}
	allow := cmp.AllowUnexported(order{}, mount{}, device{}, sysctl{}, rlimit{})
	if diff := cmp.Diff(in, out, allow); diff != "" {
		t.Error(diff)
	}
	const later = 16 // bytes of what an rc before them does not write
	for i := range c.Bytes() {
		d := wire.NewReader(c.Bytes()[:i])
		if out.fields(d); (d.Err() == nil) != (i == len(c.Bytes())-later) {
			t.Fatalf("cut off after %d of %d bytes: %v", i, len(c.Bytes()), d.Err())
		}
	}
}

// fill gives every field, exported or not, a value of its own.
func fill(v reflect.Value, n *int) {
	*n++
	v = reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString(strings.Repeat("x", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(uint64(*n % 200))
	default:
		if v.CanInt() {
			v.SetInt(int64(-*n))
		} else {
			v.SetUint(uint64(*n))
		}
	}
}

func TestFailureRoundTrip(t *testing.T) {
	in := errs.WithHint(errs.WithCode(errors.Join(errors.New("a"), errs.ErrInvalid), 127), "do that")
	data := encodeFailure(in)
	out := decodeFailure(data[1:])
	if out.Error() != in.Error() || errs.Code(out) != 127 || errs.Hint(out) != "do that" || !errors.Is(out, errs.ErrInvalid) {
		t.Errorf("%v, %d, %q", out, errs.Code(out), errs.Hint(out))
	}
	if len(encodeFailure(errors.New(strings.Repeat("x", 1<<20)))) > maxMessage {
		t.Error("a long error does not fit a message")
	}
	if err := decodeFailure([]byte{1, 2, 3}); !errors.Is(err, wire.ErrShort) {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no process":  func(c *Config) { c.Spec.Process = nil },
		"no command":  func(c *Config) { c.Spec.Process.Args = nil },
		"AppArmor":    func(c *Config) { c.Spec.Process.ApparmorProfile = "x" },
		"SELinux":     func(c *Config) { c.Spec.Process.SelinuxLabel = "x" },
		"hooks":       func(c *Config) { c.Spec.Hooks = &specs.Hooks{} },
		"seccomp":     func(c *Config) { c.Spec.Linux.Seccomp = &specs.LinuxSeccomp{} },
		"filter":      func(c *Config) { c.Seccomp = make([]byte, 9) },
		"rootfs":      func(c *Config) { c.Rootfs = "rootfs" },
		"keep-groups": func(c *Config) { c.GroupAdd = []string{"tty", KeepGroups} },
		"capability":  func(c *Config) { c.Spec.Process.Capabilities.Bounding = []string{"CAP_POTATO"} },
		"limit":       func(c *Config) { c.Spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_POTATO"}} },
		"limit order": func(c *Config) { c.Spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE", Soft: 2, Hard: 1}} },
		"propagation": func(c *Config) { c.Spec.Linux.RootfsPropagation = "potato" },
		"mount ns":    func(c *Config) { c.Spec.Linux.Namespaces = c.Spec.Linux.Namespaces[1:] },
		"time ns":     func(c *Config) { c.Spec.Linux.Namespaces[1].Type = specs.TimeNamespace },
		"device":      func(c *Config) { c.Spec.Linux.Devices = []specs.LinuxDevice{{Path: "fuse"}} },
		"hostname":    func(c *Config) { c.Spec.Linux.Namespaces = c.Spec.Linux.Namespaces[:1] },
		"personality": func(c *Config) { c.Spec.Linux.Personality = &specs.LinuxPersonality{Domain: "MINIX"} },
		"mount label": func(c *Config) { c.Spec.Linux.MountLabel = "x" },
		"host sysctl": func(c *Config) { c.Spec.Linux.Sysctl = map[string]string{"vm.swappiness": "1"} },
		"sysctl of ns": func(c *Config) {
			c.Spec.Linux.Namespaces[2].Path = "/x"
			c.Spec.Linux.Sysctl = map[string]string{"net.x": "1"}
		},
	} {
		cfg := Config{Spec: testSpec("true"), Rootfs: "/rootfs"}
		if _, err := newOrder(&cfg); err != nil {
			t.Fatal(err)
		}
		change(&cfg)
		if _, err := newOrder(&cfg); !errors.Is(err, errs.ErrInvalid) && !errors.Is(err, errs.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSysctlPath(t *testing.T) {
	for key, want := range map[string]string{
		"net.ipv4.ip_forward":         "net/ipv4/ip_forward",
		"net/ipv4/ip_forward":         "net/ipv4/ip_forward",
		"net.ipv4.conf.eth0/1.mtu":    "net/ipv4/conf/eth0.1/mtu",
		"net/ipv4/conf/eth0.1/mtu":    "net/ipv4/conf/eth0.1/mtu",
		"kernel.shm_rmid_forced":      "kernel/shm_rmid_forced",
		"net.ipv6.conf.all.disable_x": "net/ipv6/conf/all/disable_x",
	} {
		if got := sysctlPath(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

func TestLookUpUser(t *testing.T) {
	const passwd = "# comment\n\nbroken\nneg:x:-1:0::/:\nroot:x:0:0:root:/root:/bin/sh\nbig:x:4294967295:0::/:\nshort:x:5:6:gecos:/home/short\n" +
		"alice:x:1000:1001:Alice:/home/alice:/bin/sh\r\n1234:x:77:78::/named:/bin/sh"
	const group = "root:x:0:\nwheel:x:10:root,alice\nalice:x:1001:\nmany:x:44:bob,alicex,xalice\nvideo:x:45:alice\nbroken:x:x:alice\nempty:x:46"
	for _, test := range []struct {
		spec string
		want identity
		err  string
	}{
		{spec: "root", want: identity{home: "/root", implied: []uint32{10, 0}}},
		{spec: "0", want: identity{home: "/root", implied: []uint32{10, 0}}},
		{spec: "alice", want: identity{uid: 1000, gid: 1001, home: "/home/alice", implied: []uint32{10, 45, 1001}}},
		{spec: "1000", want: identity{uid: 1000, gid: 1001, home: "/home/alice", implied: []uint32{10, 45, 1001}}},
		{spec: "alice:wheel", want: identity{uid: 1000, gid: 10, home: "/home/alice", implied: []uint32{10}}},
		{spec: "alice:empty", want: identity{uid: 1000, gid: 46, home: "/home/alice", implied: []uint32{46}}},
		{spec: "alice:", want: identity{uid: 1000, gid: 1001, home: "/home/alice", implied: []uint32{10, 45, 1001}}},
		{spec: ":45", want: identity{gid: 45, implied: []uint32{45}}},
		{spec: "4321:8765", want: identity{uid: 4321, gid: 8765, implied: []uint32{8765}}},
		{spec: "short", want: identity{uid: 5, gid: 6, home: "/home/short", implied: []uint32{6}}},
		{spec: "1234", want: identity{uid: 77, gid: 78, home: "/named", implied: []uint32{78}}},
		{spec: "bob", err: `user "bob"`},
		{spec: "big", err: `user "big"`},
		{spec: "neg", err: `user "neg"`},
		{spec: "-1", err: `user "-1"`},
		{spec: "4294967295", err: `user "4294967295"`},
		{spec: "0:bobs", err: `group "bobs"`},
		{spec: "0:broken", err: `group "broken"`},
		{spec: "a:b:c", err: `user "a"`},
		{spec: "root:b:c", err: `group "b:c"`},
	} {
		got, err := lookUpUser(test.spec, []byte(passwd), []byte(group))
		if test.err != "" {
			if !errors.Is(err, errs.ErrNotFound) || !strings.HasPrefix(err.Error(), test.err) {
				t.Errorf("%q: %v, want %s", test.spec, err, test.err)
			}
			continue
		}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(identity{})); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", test.spec, err, diff)
		}
	}
}

func FuzzLookUpUser(f *testing.F) {
	f.Add("alice:wheel", "alice:x:1000:1000::/home:/bin/sh\n", "wheel:x:10:alice\n")
	f.Add("1", ":::::\n", "::::")
	f.Add(":", "a:b:1:2:c:d", "\x00:x:1")
	f.Fuzz(func(t *testing.T, spec, passwd, group string) {
		who, err := lookUpUser(spec, []byte(passwd), []byte(group))
		if err != nil {
			if !errors.Is(err, errs.ErrNotFound) {
				t.Error(err)
			}
			return
		}
		if who.uid > maxID || who.gid > maxID {
			t.Errorf("%q: ids %d, %d", spec, who.uid, who.gid)
		}
		name, _, _ := strings.Cut(spec, ":")
		if id, ok := parseID(name); name != "" && !strings.Contains(passwd, name) && (!ok || who.uid != id && !strings.Contains(passwd, ":")) {
			t.Errorf("%q is uid %d out of nothing", spec, who.uid)
		}
	})
}

func FuzzParseMount(f *testing.F) {
	f.Add("/a", "tmpfs", "tmpfs", "size=1,nosuid,ro")
	f.Add("/../..", "bind", "/", "rbind,rro,rslave,relatime")
	f.Add("x", "", "", "bind,copyup,U")
	f.Fuzz(func(t *testing.T, target, kind, source, options string) {
		m, err := parseMount(&specs.Mount{Destination: target, Type: kind, Source: source, Options: strings.Split(options, ",")})
		if err != nil {
			if !errors.Is(err, errs.ErrInvalid) {
				t.Error(err)
			}
			return
		}
		if !strings.HasPrefix(m.target, "/") || m.target == "/" || strings.Contains(m.target+"/", "/../") {
			t.Errorf("target %q", m.target)
		}
		if m.kind == kindBind && (m.data != "" || !strings.HasPrefix(m.source, "/")) {
			t.Errorf("bind of %q with data %q", m.source, m.data)
		}
		// The access time is part of both sets; for the rest, on and off exclude each other.
		if both := m.set & m.clear &^ unix.MOUNT_ATTR__ATIME; both != 0 {
			t.Errorf("set and cleared: %#x", both)
		}
	})
}

func FuzzDecodeFailure(f *testing.F) {
	f.Add(encodeFailure(errs.WithCode(errs.ErrInvalid, 126))[1:])
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 127})
	f.Fuzz(func(t *testing.T, data []byte) {
		if decodeFailure(data) == nil {
			t.Error("no error")
		}
		var o order
		o.fields(wire.NewReader(data))
	})
}
