package mount

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse/parsetest"
)

// refusal is a value that must be refused, a word of the reason, and its kind.
type refusal struct {
	value, word string
	kind        error
}

func checkRefusals(t *testing.T, list []refusal, read func(string) (specs.Mount, error)) {
	t.Helper()
	for _, r := range list {
		got, err := read(r.value)
		parsetest.Refused(t, r.value, r.word, r.kind, got, err)
	}
}

// checkParsed looks what values are for somebody in /home/u.
func checkParsed(t *testing.T, parse func(value, dir string) (specs.Mount, error), wants map[string]specs.Mount) {
	t.Helper()
	for value, want := range wants {
		got, err := parse(value, "/home/u")
		if err != nil {
			t.Errorf("%q: %v", value, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", value, diff)
		}
	}
}

func TestParseVolume(t *testing.T) {
	volume := func(name string, options ...string) specs.Mount {
		return specs.Mount{Type: "volume", Source: name, Destination: "/b", Options: options}
	}
	bind := func(source, destination string, options ...string) specs.Mount {
		return specs.Mount{Type: "bind", Source: source, Destination: destination, Options: options}
	}
	checkParsed(t, Volume, map[string]specs.Mount{
		"/a:/b":                          bind("/a", "/b", "rbind", "rprivate"),
		"/a:/b:":                         bind("/a", "/b", "rbind", "rprivate"),
		"/a/../c/:/b//d/":                bind("/c", "/b/d", "rbind", "rprivate"),
		"./src:/src:ro":                  bind("/home/u/src", "/src", "rbind", "rprivate", "ro"),
		".:/src":                         bind("/home/u", "/src", "rbind", "rprivate"),
		"../x:/src:rw":                   bind("/home/x", "/src", "rbind", "rprivate", "rw"),
		"/a:/b:bind,rshared,noexec":      bind("/a", "/b", "bind", "rshared", "noexec"),
		"/a:/b:z,ro,U":                   bind("/a", "/b", "rbind", "rprivate", "ro", "U"),
		"/a:/b:Z,nocopy,slave":           bind("/a", "/b", "rbind", "slave"),
		"/a:/b:suid,dev,exec":            bind("/a", "/b", "rbind", "rprivate", "suid", "dev", "exec"),
		"/a:/b:O":                        bind("/a", "/b", "O"),
		"/a:/b:O,U,z":                    bind("/a", "/b", "O", "U"),
		"/a:/b:O,upperdir=/u,workdir=/w": bind("/a", "/b", "O", "upperdir=/u", "workdir=/w"),
		"data:/b":                        volume("data", "rbind", "rprivate", "nosuid", "nodev"),
		"data:/b:ro,nocopy,Z":            volume("data", "rbind", "rprivate", "ro", "nosuid", "nodev", "nocopy"),
		"d.1:/b/:U,suid,dev,noexec":      volume("d.1", "rbind", "rprivate", "U", "suid", "dev", "noexec"),
		"data:/b:O":                      volume("data", "O"),
		"/b":                             volume("", "rbind", "rprivate", "nosuid", "nodev"),
		"/with space,and=é:/b:nosuid":    bind("/with space,and=é", "/b", "rbind", "rprivate", "nosuid"),
	})
	checkRefusals(t, []refusal{
		{"", "DST[:OPTIONS]", nil},
		{":", "source is empty", nil},
		{"/a:", "destination is empty", nil},
		{":/b", "source is empty", nil},
		{"/a:b", `"b" is not an absolute path`, nil},
		{"/a:/", "hide the whole image", nil},
		{"/a:/b/..", "hide the whole image", nil},
		{"/a:/b:ro:rw", "3 colons", nil},
		{"/a:/b:ro,rw", "exclude each other", nil},
		{"/a:/b:ro,ro", "twice", nil},
		{"/a:/b:shared,private", "exclude", nil},
		{"/a:/b:readonly", "unknown option", nil},
		{"/a:/b:ro,", `unknown option ""`, nil},
		{"/a:/b:O,ro", "cannot be combined with O", nil},
		{"/a:/b:O,upperdir=/x", "belong together", nil},
		{"/a:/b:O,upperdir=x,workdir=/w", "absolute", nil},
		{"/a:/b:upperdir=/x,workdir=/y", "belongs to O", nil},
		{"/a:/b:ro-top", "unknown option", nil},
		{"/a:/b:idmap", "for root", errs.ErrUnsupported},
		{"/a:/b:idmap=uids=0-1-10", "for root", errs.ErrUnsupported},
		{"/", "hide the whole image", nil},
		{"src/sub:/b", "./src/sub", nil},
		{"-x:/b", "volume's name", nil},
		{"~/x:/b", "$HOME", nil},
		{"/a\x00:/b", "NUL", nil},
	}, func(value string) (specs.Mount, error) { return Volume(value, "/home/u") })
}

func TestParseMount(t *testing.T) {
	bind := func(options ...string) specs.Mount {
		return specs.Mount{Type: "bind", Source: "/a", Destination: "/b", Options: options}
	}
	volume := func(name string, options ...string) specs.Mount {
		return specs.Mount{Type: "volume", Source: name, Destination: "/b", Options: append([]string{"rbind", "rprivate", "nosuid", "nodev"}, options...)}
	}
	image := func(options ...string) specs.Mount {
		return specs.Mount{Type: "image", Source: "alpine", Destination: "/b", Options: options}
	}
	tmpfs := func(options ...string) specs.Mount {
		return specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: "/b", Options: options}
	}
	checkParsed(t, Parse, map[string]specs.Mount{
		"type=bind,src=/a,dst=/b":                                  bind("rbind", "rprivate"),
		"type=bind,source=/a,target=/b,readonly":                   bind("rbind", "rprivate", "ro"),
		"type=bind,source=/a,destination=/b,ro=true":               bind("rbind", "rprivate", "ro"),
		"type=bind,src=/a,dst=/b,ro=false":                         bind("rbind", "rprivate", "rw"),
		"type=bind,src=/a,dst=/b,bind-propagation=rslave":          bind("rbind", "rslave"),
		"type=bind,src=/a,dst=/b,bind-nonrecursive":                bind("bind", "rprivate"),
		"type=bind,src=/a,dst=/b,relabel=shared,exec=false,U=true": bind("rbind", "rprivate", "noexec", "U"),
		"type=bind,src=/a,dst=/b,consistency=cached,nosuid":        bind("rbind", "rprivate", "nosuid"),
		`type=bind,"src=/a,b",dst=/b`: {
			Type: "bind", Source: "/a,b", Destination: "/b", Options: []string{"rbind", "rprivate"},
		},
		"type=bind,src=/a,dst=/b,bind-recursive=disabled":                    bind("bind", "rprivate"),
		"type=bind,src=/a,dst=/b,ro,bind-recursive=writable":                 bind("rbind", "rprivate", "ro-top"),
		"type=bind,src=/a,dst=/b,ro,bind-recursive=readonly":                 bind("rbind", "rprivate", "rro"),
		"type=bind,src=/a,dst=/b,no-dereference":                             bind("rbind", "rprivate", "copy-symlink"),
		"type=bind,src=/a,dst=/b,rshared,z":                                  bind("rbind", "rshared"),
		"src=v,dst=/b":                                                       volume("v"),
		"type=volume,dst=/b":                                                 volume(""),
		"volume-nocopy,src=v,dst=/b":                                         volume("v", "nocopy"),
		"src=v,dst=/b,volume-subpath=x/../y":                                 volume("v", "subpath=y"),
		"type=volume,src=v,dst=/b,subpath=.":                                 volume("v"),
		"src=v,dst=/b,volume-label=a=b,volume-label=c,volume-opt=type=tmpfs": volume("v", "volume-label=a=b", "volume-label=c", "volume-opt=type=tmpfs"),
		"src=v,dst=/b,volume-driver=local":                                   volume("v"),
		"type=image,src=alpine,dst=/b":                                       image("rprivate", "nosuid", "nodev", "ro"),
		"type=image,src=alpine,dst=/b,rw,subpath=/etc":                       image("rprivate", "nosuid", "nodev", "subpath=etc"),
		"type=devpts,dst=/b,gid=5,mode=0620": {
			Type: "devpts", Source: "devpts", Destination: "/b", Options: []string{"rprivate", "nosuid", "noexec", "newinstance", "gid=5", "mode=0620"},
		},
		"type=glob,src=/a/*.so,ro":                           {Type: "glob", Source: "/a/*.so", Options: []string{"rbind", "rprivate", "ro"}},
		"type=ramfs,dst=/b,tmpfs-mode=700":                   {Type: "ramfs", Source: "ramfs", Destination: "/b", Options: []string{"rprivate", "nosuid", "nodev", "mode=700", "tmpcopyup"}},
		"type=tmpfs,dst=/b,U":                                tmpfs("rprivate", "nosuid", "nodev", "U", "tmpcopyup"),
		"type=tmpfs,dst=/b":                                  tmpfs("rprivate", "nosuid", "nodev", "tmpcopyup"),
		"type=tmpfs,dst=/b,tmpfs-size=1m,tmpfs-mode=1777":    tmpfs("rprivate", "nosuid", "nodev", "size=1048576", "mode=1777", "tmpcopyup"),
		"type=tmpfs,dst=/b,notmpcopyup,ro,noexec":            tmpfs("rprivate", "nosuid", "nodev", "ro", "noexec"),
		"type=tmpfs,tmpcopyup,dst=/b,dev,suid,tmpfs-size=5%": tmpfs("rprivate", "dev", "suid", "size=5%", "tmpcopyup"),
	})
	checkRefusals(t, []refusal{
		{"", "type=", nil},
		{"src=/a,dst=/b", "type=bind", nil},
		{"type=artifact,src=x,dst=/b", "no such mounts", errs.ErrUnsupported},
		{"type=volume,src=x,dst=/b,volume-driver=nfs", "local only", errs.ErrUnsupported},
		{"type=volume,src=x,dst=/b,subpath=../y", "without ..", nil},
		{"type=volume,src=x,dst=/b,subpath=/y", "without /", nil},
		{"type=volume,src=x,dst=/b,volume-opt==x", "KEY=VALUE", nil},
		{"type=volume,src=x/y,dst=/b", "volume's name", nil},
		{"type=image,dst=/b", "src= is missing", nil},
		{"type=bind,src=/a,dst=/b,bind-recursive=writable", "belongs to ro", nil},
		{"type=bind,src=/a,dst=/b,bind-recursive=maybe", "want enabled", nil},
		{"type=bind,src=/a,dst=/b,subpath=x", "of type=", nil},
		{"type=glob,src=/a/[,dst=/b", "syntax error", nil},
		{"type=devpts,dst=/b,mode=9", "number", nil},
		{"type=ramfs,dst=/b,tmpfs-size=1m", "type=tmpfs", nil},
		{"type=blind,src=/a,dst=/b", `unknown type "blind"`, nil},
		{"type=bind,dst=/b", "src= is missing", nil},
		{"type=bind,src=/a", "dst= is missing", nil},
		{"type=bind,src=/a,dst=b", "absolute", nil},
		{"type=bind,src=/a,src=/c,dst=/b", `"src" is there twice`, nil},
		{"type=bind,src=/a,source=/c,dst=/b", `"src" is there twice`, nil},
		{"type=bind,src=/a,dst=/b,ro=maybe", "true or false", nil},
		{"type=bind,src=/a,dst=/b,ro,rw", "exclude", nil},
		{"type=bind,src=/a,dst=/b,tmpfs-size=1m", "type=tmpfs", nil},
		{"type=bind,src=/a,dst=/b,bind-propagation=wide", "want private", nil},
		{"type=bind,src=/a,dst=/b,colour=red", `unknown field "colour"`, nil},
		{"type=bind,src=,dst=/b", "src= has no value", nil},
		{"type=bind,src=/a,dst=/b,idmap", "for root", errs.ErrUnsupported},
		{"type=tmpfs,src=/a,dst=/b", "no src=", nil},
		{"type=tmpfs,dst=/b,tmpfs-mode=8", "octal", nil},
		{"type=tmpfs,dst=/b,tmpfs-size=huge", "size=huge", nil},
		{"type=bind,src=/a\n,dst=/b", "one line", nil},
		{`type=bind,"src=/a`, "want type=bind", nil},
	}, func(value string) (specs.Mount, error) { return Parse(value, "/home/u") })
}

func TestParseTmpfs(t *testing.T) {
	for value, want := range map[string][]string{
		"/tmp":                        {"rprivate", "nosuid", "nodev", "tmpcopyup"},
		"/tmp:":                       {"rprivate", "nosuid", "nodev", "tmpcopyup"},
		"/tmp:size=64m,mode=1777":     {"rprivate", "nosuid", "nodev", "size=67108864", "mode=1777", "tmpcopyup"},
		"/tmp:rw,noexec,uid=5,gid=6":  {"rprivate", "nosuid", "nodev", "rw", "noexec", "uid=5", "gid=6", "tmpcopyup"},
		"/tmp:notmpcopyup,nosuid":     {"rprivate", "nodev", "nosuid"},
		"/tmp:U,ro":                   {"rprivate", "nosuid", "nodev", "ro", "U", "tmpcopyup"},
		"/tmp:nr_inodes=1k,shared,ro": {"shared", "nosuid", "nodev", "ro", "nr_inodes=1024", "tmpcopyup"},
	} {
		got, err := Tmpfs(value)
		if err != nil {
			t.Errorf("%q: %v", value, err)
			continue
		}
		mount := specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: "/tmp", Options: want}
		if diff := cmp.Diff(mount, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", value, diff)
		}
	}
	checkRefusals(t, []refusal{
		{"tmp", "absolute", nil},
		{"", "empty", nil},
		{"/:size=1m", "hide", nil},
		{"/tmp:size=", "size=", nil},
		{"/tmp:size=1m,size=2m", "twice", nil},
		{"/tmp:mode=99", "octal", nil},
		{"/tmp:uid=root", "number", nil},
		{"/tmp:lowerdir=/", "unknown option", nil},
		{"/tmp:O", "unknown option", nil},
		{"/tmp:ro,rw", "exclude", nil},
	}, Tmpfs)
}

func FuzzParseVolume(f *testing.F) {
	for _, seed := range []string{"/a:/b", "./x:/y:ro,z", "/a:/b:O,U", "data:/x", "::::", "/a:/b:,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		m, err := Volume(value, "/cwd")
		if err == nil {
			checkMount(t, m)
		}
	})
}

func FuzzParseMount(f *testing.F) {
	for _, seed := range []string{
		"type=bind,src=/a,dst=/b", "type=tmpfs,dst=/x,tmpfs-size=1k", `type=bind,"src=/a,b",dst=/b,ro=false`, ",,=", "\"\n",
		"src=v,dst=/x,volume-label=a=b,volume-subpath=c", "type=image,src=i,dst=/x,rw", "type=glob,src=/a*", "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		m, err := Parse(value, "/cwd")
		if err == nil {
			checkMount(t, m)
		}
	})
}

func FuzzParseTmpfs(f *testing.F) {
	for _, seed := range []string{"/tmp:size=1m,mode=700", "/x:ro,notmpcopyup", "/tmp:size=%", "/tmp:,,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		m, err := Tmpfs(value)
		if err == nil {
			checkMount(t, m)
		}
	})
}

// checkMount holds what everybody after the parsers relies on.
func checkMount(t *testing.T, m specs.Mount) {
	t.Helper()
	if !strings.HasPrefix(m.Source, "/") && (m.Type == "bind" || m.Type == spec.TypeGlob) ||
		!strings.HasPrefix(m.Destination, "/") && (m.Type != spec.TypeGlob || m.Destination != "") || m.Destination == "/" {
		t.Errorf("paths: %+v", m)
	}
	if m.Type == spec.TypeVolume && m.Source != "" && spec.CheckVolumeName(m.Source) != nil {
		t.Errorf("name: %+v", m)
	}
	if _, subpath := spec.MountOptions(m); subpath != "" && !filepath.IsLocal(subpath) {
		t.Errorf("subpath %q: %+v", subpath, m)
	}
	options, _ := spec.MountOptions(m) // what is rc's own may hold anything
	seen := map[string]bool{}
	for _, option := range options {
		if option == "" || strings.ContainsAny(option, ",\x00") || seen[option] {
			t.Errorf("option %q: %+v", option, m)
		}
		seen[option] = true
	}
}
