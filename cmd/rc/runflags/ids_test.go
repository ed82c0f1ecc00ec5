package runflags

import "github.com/rc-containers/rc/pkg/spec"

// idFlagTests are TestRunFlags' about users and groups.
func idFlagTests() []flagTest {
	return []flagTest{
		{"--userns keep-id:uid=200,gid=210,size=1000", func(o *Options) {
			o.Userns = spec.Userns{Mode: spec.UsernsKeepID, UID: new(uint32(200)), GID: new(uint32(210)), Size: 1000}
		}},
		{"--userns auto:size=10,uidmapping=5:@1000:2", func(o *Options) {
			o.Userns = spec.Userns{Mode: spec.UsernsAuto, Size: 10, UIDMaps: []spec.IDMapping{{Container: 5, From: 1000, Host: true, Size: 2}}}
		}},
		{"--userns container:web", func(o *Options) { o.Userns = spec.Userns{Mode: spec.UsernsContainer, Container: "web"} }},
		{"--uidmap 0:1:1000 --uidmap +u1000:0 --gidmap 0:1:10", func(o *Options) {
			o.UIDMaps = []spec.IDMapping{{From: 1, Size: 1000}, {Container: 1000, Size: 1, Extend: true, UIDs: true}}
			o.GIDMaps = []spec.IDMapping{{From: 1, Size: 10}}
		}},
		{"--subuidname me --subgidname us", func(o *Options) { o.SubUIDName, o.SubGIDName = "me", "us" }},
		{"--passwd=false", func(o *Options) { o.NoPasswd = true }},
		{"--passwd-entry me:x:1:1::/:/bin/sh --group-entry us:x:1: --hostuser daemon,bin", func(o *Options) {
			o.PasswdEntry, o.GroupEntry, o.HostUsers = "me:x:1:1::/:/bin/sh", "us:x:1:", []string{"daemon", "bin"}
		}},
	}
}
