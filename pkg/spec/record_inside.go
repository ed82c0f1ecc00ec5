package spec

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/record"
)

// Read takes one field of a Container's record.
func (i *Inside) Read(r *record.Reader, key string) {
	switch key {
	case "id":
		i.ID = r.Text()
	case "name":
		i.Name = r.Text()
	case "oci":
		r.Object(func(key string) { i.readOCI(r, key) })
	case "groupAdd":
		i.GroupAdd = r.Texts()
	case "seccomp":
		i.Seccomp = r.Text()
	case "secrets":
		r.Decode(&i.Secrets)
	}
}

func (i *Inside) readOCI(r *record.Reader, key string) {
	switch key {
	case "process":
		i.Process = &specs.Process{}
		r.Object(func(key string) { readProcess(i.Process, r, key) })
	case "linux":
		r.Object(func(key string) {
			switch key {
			case "namespaces":
				r.Array(func() { i.Namespaces = append(i.Namespaces, readNamespace(r)) })
			case "personality":
				r.Decode(&i.Personality)
			}
		})
	}
}

func readNamespace(r *record.Reader) (ns specs.LinuxNamespace) {
	r.Object(func(key string) {
		switch key {
		case "type":
			ns.Type = specs.LinuxNamespaceType(r.Text())
		case "path":
			ns.Path = r.Text()
		}
	})
	return ns
}

func readProcess(p *specs.Process, r *record.Reader, key string) {
	switch key {
	case "terminal":
		p.Terminal = r.Flag()
	case "user":
		r.Object(func(key string) { readUser(&p.User, r, key) })
	case "args":
		p.Args = r.Texts()
	case "env":
		p.Env = r.Texts()
	case "cwd":
		p.Cwd = r.Text()
	case "capabilities":
		p.Capabilities = &specs.LinuxCapabilities{}
		r.Object(func(key string) { readCapabilities(p.Capabilities, r, key) })
	case "rlimits":
		r.Array(func() { p.Rlimits = append(p.Rlimits, readRlimit(r)) })
	case "noNewPrivileges":
		p.NoNewPrivileges = r.Flag()
	case "oomScoreAdj":
		n := record.Number[int](r)
		p.OOMScoreAdj = &n
	case "consoleSize":
		r.Decode(&p.ConsoleSize)
	case "commandLine":
		p.CommandLine = r.Text()
	case "apparmorProfile":
		p.ApparmorProfile = r.Text()
	case "selinuxLabel":
		p.SelinuxLabel = r.Text()
	case "scheduler":
		r.Decode(&p.Scheduler)
	case "ioPriority":
		r.Decode(&p.IOPriority)
	case "execCPUAffinity":
		r.Decode(&p.ExecCPUAffinity)
	}
}

func readUser(u *specs.User, r *record.Reader, key string) {
	switch key {
	case "uid":
		u.UID = record.Number[uint32](r)
	case "gid":
		u.GID = record.Number[uint32](r)
	case "umask":
		n := record.Number[uint32](r)
		u.Umask = &n
	case "additionalGids":
		r.Array(func() { u.AdditionalGids = append(u.AdditionalGids, record.Number[uint32](r)) })
	case "username":
		u.Username = r.Text()
	}
}

func readCapabilities(c *specs.LinuxCapabilities, r *record.Reader, key string) {
	switch key {
	case "bounding":
		c.Bounding = r.Texts()
	case "effective":
		c.Effective = r.Texts()
	case "inheritable":
		c.Inheritable = r.Texts()
	case "permitted":
		c.Permitted = r.Texts()
	case "ambient":
		c.Ambient = r.Texts()
	}
}

func readRlimit(r *record.Reader) (l specs.POSIXRlimit) {
	r.Object(func(key string) {
		switch key {
		case "type":
			l.Type = r.Text()
		case "hard":
			l.Hard = record.Number[uint64](r)
		case "soft":
			l.Soft = record.Number[uint64](r)
		}
	})
	return l
}
