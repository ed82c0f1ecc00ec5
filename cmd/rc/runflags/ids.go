package runflags

import (
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// idFlags are the flags of run and create about users and groups, as typed.
type idFlags struct {
	userns                  string
	uidmaps, gidmaps        []string
	subuidname, subgidname  string
	passwd                  bool
	passwdEntry, groupEntry string
	hostUsers               []string
}

func (f *idFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.userns, "userns", "", "User namespace: host, keep-id[:uid=,gid=,size=], nomap, auto[:size=,uidmapping=,gidmapping=] or container:NAME")
	cli.WordsVar(flags, &f.uidmaps, "uidmap", "", "Map user ids: [+ug]CONTAINER:FROM[:COUNT], where 0 is you, 1 the first subordinate id, @N one of the host")
	cli.WordsVar(flags, &f.gidmaps, "gidmap", "", "Map group ids, in the same form")
	flags.StringVar(&f.subuidname, "subuidname", "", "Map the user ids that /etc/subuid has for a name")
	flags.StringVar(&f.subgidname, "subgidname", "", "Map the group ids that /etc/subgid has for a name")
	flags.BoolVar(&f.passwd, "passwd", true, "Add users whom the image does not know to /etc/passwd and /etc/group")
	flags.StringVar(&f.passwdEntry, "passwd-entry", "", "Line to add to /etc/passwd, with $USERNAME, $UID, $GID, $NAME and $HOME")
	flags.StringVar(&f.groupEntry, "group-entry", "", "Line to add to /etc/group, with $GROUPNAME, $GID and $USERLIST")
	cli.WordsVar(flags, &f.hostUsers, "hostuser", "", "Add a user of the host to /etc/passwd")
}

// options parses them.
func (f *idFlags) options(p *Parser) create.Identities {
	o := create.Identities{
		Userns:     One(p, "userns", f.userns, parse.Userns),
		UIDMaps:    each(p, "uidmap", f.uidmaps, parse.IDMapping),
		GIDMaps:    each(p, "gidmap", f.gidmaps, parse.IDMapping),
		SubUIDName: f.subuidname, SubGIDName: f.subgidname,
		NoPasswd:    !f.passwd,
		PasswdEntry: One(p, "passwd-entry", f.passwdEntry, parse.AccountLine),
		GroupEntry:  One(p, "group-entry", f.groupEntry, parse.AccountLine),
		HostUsers:   f.hostUsers,
	}
	if !f.passwd {
		for _, flag := range []string{"passwd-entry", "group-entry", "hostuser"} {
			if p.flags.Changed(flag) {
				p.problems = append(p.problems, errs.Invalidf("--%s: with --passwd=false nothing is added", flag))
			}
		}
	}
	return o
}
