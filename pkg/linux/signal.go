package linux

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The realtime signals as glibc counts them: 32 and 33 are its own (signal(7)).
const (
	sigRTMin = 34
	sigRTMax = 64
)

// Signal reads a signal's name or number: TERM, SIGTERM, sigterm, 15, RTMIN+3, RTMAX-1.
func Signal(name string) (unix.Signal, error) {
	if n, err := strconv.Atoi(name); err == nil {
		if n < 1 || n > sigRTMax {
			return 0, fmt.Errorf("signal %q: want 1 to %d", name, sigRTMax)
		}
		return unix.Signal(n), nil
	}
	upper := strings.TrimPrefix(strings.ToUpper(name), "SIG")
	if n, ok := realtime(upper); ok {
		return unix.Signal(n), nil
	}
	if sig := unix.SignalNum("SIG" + upper); sig != 0 {
		return sig, nil
	}
	return 0, fmt.Errorf("signal %q: unknown; want a name as in kill -l, or a number", name)
}

func realtime(name string) (int, bool) {
	base, sign, rest := 0, 1, ""
	switch {
	case strings.HasPrefix(name, "RTMIN"):
		base, rest = sigRTMin, name[len("RTMIN"):]
	case strings.HasPrefix(name, "RTMAX"):
		base, rest = sigRTMax, name[len("RTMAX"):]
	default:
		return 0, false
	}
	if rest == "" {
		return base, true
	}
	if rest[0] == '-' {
		sign = -1
	} else if rest[0] != '+' {
		return 0, false
	}
	n, err := strconv.ParseUint(rest[1:], 10, 8)
	if err != nil {
		return 0, false
	}
	sum := base + sign*int(n)
	return sum, sum >= sigRTMin && sum <= sigRTMax
}
