package parse

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// SecurityOpts reads all --security-opt; key=value, and docker's old key:value.
func SecurityOpts(values []string) (spec.Security, error) {
	var s spec.Security
	for _, value := range values {
		if err := NoNUL(value); err != nil {
			return spec.Security{}, err
		}
		if err := addSecurity(&s, value); err != nil {
			return spec.Security{}, err
		}
	}
	return s, nil
}

// addSecurity takes one --security-opt.
func addSecurity(s *spec.Security, value string) error {
	key, val, found := strings.Cut(value, "=")
	if !found {
		key, val, found = strings.Cut(value, ":")
	}
	if strings.HasPrefix(key, "no-new-privileges:") {
		key, val, found = strings.Cut(value, ":")
	}
	if key == "no-new-privileges" {
		on := true
		if found {
			var err error
			if on, err = strconv.ParseBool(val); err != nil {
				return Invalid(value, "want no-new-privileges, or no-new-privileges:true or :false")
			}
		}
		s.NoNewPrivileges = on
		return nil
	}
	if !found || val == "" {
		return Invalid(value, "want seccomp=FILE|unconfined, no-new-privileges, mask=PATHS, unmask=PATHS|ALL, proc-opts=OPTIONS, label=disable or apparmor=unconfined")
	}
	switch key {
	case "seccomp":
		s.Seccomp = val
		if val == "default" || val == "builtin" {
			s.Seccomp = ""
		}
		return nil
	case "mask":
		paths, err := pathList(value, val)
		s.Mask = append(s.Mask, paths...)
		return err
	case "unmask":
		if strings.EqualFold(val, "all") {
			s.Unmask = append(s.Unmask, "ALL")
			return nil
		}
		paths, err := pathList(value, val)
		s.Unmask = append(s.Unmask, paths...)
		return err
	case "proc-opts":
		options := strings.Split(val, ",")
		if i := slices.IndexFunc(options, badProcOption); i >= 0 {
			return Invalid(value, "unknown option %q: want hidepid=0|1|2|4|off|noaccess|invisible|ptraceable, gid=N, subset=pid", options[i])
		}
		s.ProcOptions = append(s.ProcOptions, options...)
		return nil
	case "label":
		if val == "disable" || val == "nested" {
			return nil // see NoOps
		}
		return Unsupported(value, "SELinux labels are not supported yet: want label=disable")
	case "apparmor":
		if val == "unconfined" {
			return nil // no profile is loaded for an ordinary user
		}
		return Unsupported(value, "only root can confine with an AppArmor profile: want apparmor=unconfined")
	default:
		return Invalid(value, "unknown option %q: want seccomp, no-new-privileges, mask, unmask, proc-opts, label or apparmor", key)
	}
}

// badProcOption checks a mount option against proc(5).
func badProcOption(option string) bool {
	key, val, _ := strings.Cut(option, "=")
	switch key {
	case "hidepid":
		return !slices.Contains([]string{"0", "1", "2", "4", "off", "noaccess", "invisible", "ptraceable"}, val)
	case "gid":
		_, err := strconv.ParseUint(val, 10, 32)
		return err != nil
	case "subset":
		return val != "pid"
	default:
		return !slices.Contains([]string{"ro", "rw", "nosuid", "nodev", "noexec"}, option)
	}
}

func pathList(value, list string) ([]string, error) {
	paths := strings.Split(list, ":")
	for _, path := range paths {
		if !strings.HasPrefix(path, "/") {
			return nil, Invalid(value, "%q is not an absolute path: want PATH[:PATH…]", path)
		}
	}
	return paths, nil
}
