package quadlet

import (
	"strings"

	"github.com/rc-containers/rc/pkg/quadlet/unitfile"
)

// userKeys are those about user namespaces; those with Remap are of podman 4.
func userKeys() []key {
	return []key{
		one("UserNS", "--userns"), list("UIDMap", "--uidmap"), list("GIDMap", "--gidmap"),
		one("SubUIDMap", "--subuidname"), one("SubGIDMap", "--subgidname"),
		{name: "RemapUsers", add: remap},
		special("RemapUid"), special("RemapGid"), special("RemapUidSize"),
	}
}

// remap adds what the keys of podman 4 mean.
func remap(c *conversion, _ key) {
	mode, hasMode := c.last("RemapUsers")
	var maps [2][]string
	for i, name := range []string{"RemapUid", "RemapGid"} {
		for _, e := range c.values(name) {
			maps[i] = append(maps[i], c.split(e, unitfile.List)...)
			if !hasMode {
				c.problem(e, "without RemapUsers=")
			}
		}
	}
	if !hasMode {
		return
	}
	for _, name := range []string{"UserNS", "UIDMap", "GIDMap", "SubUIDMap", "SubGIDMap"} {
		if e, ok := c.last(name); ok {
			c.problem(e, "together with RemapUsers=")
		}
	}
	var options []string
	switch unquote(mode.Value) {
	case "manual":
		for _, m := range maps[0] {
			c.arg("--uidmap", m)
		}
		for _, m := range maps[1] {
			c.arg("--gidmap", m)
		}
		return
	case "auto":
		for i, option := range []string{"uidmapping=", "gidmapping="} {
			for _, m := range maps[i] {
				options = append(options, option+m)
			}
		}
		if size := c.value("RemapUidSize"); size != "" && size != "0" {
			options = append(options, "size="+size)
		}
	case "keep-id":
		for i, option := range []string{"uid=", "gid="} {
			if len(maps[i]) > 1 {
				c.problem(mode, "takes one id of each sort")
			}
			for _, m := range maps[i] {
				options = append(options, option+m)
			}
		}
	default:
		c.problem(mode, "want manual, auto or keep-id")
	}
	userns := unquote(mode.Value)
	if len(options) > 0 {
		userns += ":" + strings.Join(options, ",")
	}
	c.arg("--userns", userns)
}
