package parse

import (
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/spec"
)

// UlimitNames are the resources of getrlimit(2) without RLIMIT_, in docker's spelling.
func UlimitNames() []string {
	return []string{
		"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
		"nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
	}
}

// Ulimit reads --ulimit NAME=SOFT[:HARD]; -1 and unlimited lift a limit.
func Ulimit(value string) (specs.POSIXRlimit, error) {
	name, limits, found := strings.Cut(value, "=")
	name = strings.TrimPrefix(strings.ToLower(name), "rlimit_")
	if !found {
		return specs.POSIXRlimit{}, Invalid(value, "want NAME=SOFT[:HARD], or host")
	}
	if !slices.Contains(UlimitNames(), name) {
		return specs.POSIXRlimit{}, Invalid(value, "unknown limit %q: want one of %s%s", name, strings.Join(UlimitNames(), " "), spec.Meant(name, UlimitNames()))
	}
	first, second, two := strings.Cut(limits, ":")
	soft, err := rlimitValue(value, first)
	if err != nil {
		return specs.POSIXRlimit{}, err
	}
	hard := soft
	if two {
		if hard, err = rlimitValue(value, second); err != nil {
			return specs.POSIXRlimit{}, err
		}
	}
	if soft > hard {
		return specs.POSIXRlimit{}, Invalid(value, "the soft limit is above the hard one")
	}
	return specs.POSIXRlimit{Type: "RLIMIT_" + strings.ToUpper(name), Soft: soft, Hard: hard}, nil
}

func rlimitValue(value, number string) (uint64, error) {
	if number == "-1" || number == "unlimited" {
		return spec.Unlimited, nil
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0, Invalid(value, "%q is not a limit: want a number, or -1 for none", number)
	}
	return n, nil
}

// PIDsLimit reads --pids-limit: 0 and -1 are no limit (-1 is returned for both).
func PIDsLimit(value string) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < -1 {
		return 0, Invalid(value, "want a number of processes, or -1 for no limit")
	}
	if n == 0 {
		n = -1
	}
	return n, nil
}

// Umask reads an octal file mode mask.
func Umask(value string) (uint32, error) {
	n, err := strconv.ParseUint(value, 8, 32)
	if err != nil || n > 0o777 || len(value) > 4 {
		return 0, Invalid(value, "want octal digits such as 0022")
	}
	return uint32(n), nil
}

// OOMScoreAdj checks --oom-score-adj against proc_pid_oom_score_adj(5).
func OOMScoreAdj(value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < -1000 || n > 1000 {
		return 0, Invalid(value, "want a number from -1000 to 1000")
	}
	return n, nil
}
