package spec

import (
	"slices"
	"strconv"
	"strings"
)

// Security is what the --security-opt of one command line say together.
type Security struct {
	// Seccomp is "" for the default profile, "unconfined" or the path of a JSON file.
	Seccomp         string
	NoNewPrivileges bool
	Mask            []string // further paths to hide
	Unmask          []string // paths or patterns not to hide, "ALL" for all
	ProcOptions     []string // mount options of /proc: hidepid=2
}

// ParseSecurityOpts reads all --security-opt; key=value, and docker's old key:value.
func ParseSecurityOpts(values []string) (Security, error) {
	var s Security
	for _, value := range values {
		if err := noNUL(value); err != nil {
			return Security{}, err
		}
		if err := addSecurity(&s, value); err != nil {
			return Security{}, err
		}
	}
	return s, nil
}

// addSecurity takes one --security-opt.
func addSecurity(s *Security, value string) error {
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
				return invalid(value, "want no-new-privileges, or no-new-privileges:true or :false")
			}
		}
		s.NoNewPrivileges = on
		return nil
	}
	if !found || val == "" {
		return invalid(value, "want seccomp=FILE|unconfined, no-new-privileges, mask=PATHS, unmask=PATHS|ALL, proc-opts=OPTIONS, label=disable or apparmor=unconfined")
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
			return invalid(value, "unknown option %q: want hidepid=0|1|2|4|off|noaccess|invisible|ptraceable, gid=N, subset=pid", options[i])
		}
		s.ProcOptions = append(s.ProcOptions, options...)
		return nil
	case "label":
		if val == "disable" || val == "nested" {
			return nil // see NoOps
		}
		return unsupported(value, "SELinux labels are not supported yet: want label=disable")
	case "apparmor":
		if val == "unconfined" {
			return nil // no profile is loaded for an ordinary user
		}
		return unsupported(value, "only root can confine with an AppArmor profile: want apparmor=unconfined")
	default:
		return invalid(value, "unknown option %q: want seccomp, no-new-privileges, mask, unmask, proc-opts, label or apparmor", key)
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
			return nil, invalid(value, "%q is not an absolute path: want PATH[:PATH…]", path)
		}
	}
	return paths, nil
}
