package spec

import (
	"math"
	"strconv"
	"strings"
)

// ParseSize reads a number of bytes as docker and podman write it: 512m, 1.5g, 64MiB,
// 1024, with b, k, m, g, t or p in powers of 1024, in either case.
func ParseSize(value string) (int64, error) {
	const want = "want a number with b, k, m, g or t, such as 512m"
	number := strings.ToLower(strings.TrimSpace(value))
	number = strings.TrimSuffix(number, "b")
	number = strings.TrimSuffix(number, "i")
	factor := 1.0
	if number != "" {
		if power := strings.IndexByte("kmgtp", number[len(number)-1]); power >= 0 {
			factor = math.Pow(1024, float64(power+1))
			number = strings.TrimSpace(number[:len(number)-1])
		} else if strings.HasSuffix(strings.ToLower(value), "ib") {
			return 0, invalid(value, want)
		}
	}
	// ParseFloat would also take 0x1p4, inf, nan, 1e9 and 1_000.
	if number == "" || strings.Trim(number, "0123456789.") != "" {
		return 0, invalid(value, want)
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, invalid(value, want)
	}
	if n*factor >= math.MaxInt64 {
		return 0, invalid(value, "it is larger than 8 EiB")
	}
	return int64(n * factor), nil
}

// ParseSwap reads --memory-swap: a size, or -1 for no limit.
func ParseSwap(value string) (int64, error) {
	if value == "-1" {
		return -1, nil
	}
	n, err := ParseSize(value)
	if err != nil {
		return 0, invalid(value, "want a number with b, k, m, g or t, such as 1g, or -1 for no limit")
	}
	return n, nil
}

// CPUPeriod is the period in microseconds that --cpus sets.
const CPUPeriod = 100000

// ParseCPUs reads --cpus: how many processors' time may be used, 0 is no limit. It
// returns the quota in microseconds of each CPUPeriod.
func ParseCPUs(value string) (int64, error) {
	if value == "" || strings.Trim(value, "0123456789.") != "" {
		return 0, invalid(value, "want a number of processors such as 1.5")
	}
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || n > 1e6 {
		return 0, invalid(value, "want a number of processors such as 1.5")
	}
	quota := int64(n*CPUPeriod + 0.5)
	if n > 0 && quota < 1000 { // the kernel's least quota is 1 ms
		return 0, invalid(value, "it is less than 0.01, the least that the kernel can hold a process to")
	}
	return quota, nil
}

// ParseSet checks a list as in cpuset(7): 0-3,7. It returns it unchanged.
func ParseSet(value string) (string, error) {
	for part := range strings.SplitSeq(value, ",") {
		first, last, isRange := strings.Cut(part, "-")
		low, err := strconv.ParseUint(first, 10, 16)
		if err != nil {
			return "", invalid(value, "want numbers and ranges such as 0-3,7")
		}
		if !isRange {
			continue
		}
		high, err := strconv.ParseUint(last, 10, 16)
		if err != nil || high < low {
			return "", invalid(value, "%q is not a range: want numbers and ranges such as 0-3,7", part)
		}
	}
	return value, nil
}

// Throttle is one --device-read-bps and its like: a device of the host and a rate.
type Throttle struct {
	Path string
	Rate uint64 // bytes or operations per second
}

// ParseThrottleBytes reads DEVICE:RATE with a rate such as 10mb.
func ParseThrottleBytes(value string) (Throttle, error) {
	path, rate, err := splitThrottle(value, "10mb")
	if err != nil {
		return Throttle{}, err
	}
	n, err := ParseSize(rate)
	if err != nil {
		return Throttle{}, invalid(value, "rate %q: want a number with b, k, m or g, such as 10mb", rate)
	}
	return Throttle{path, uint64(n)}, nil
}

// ParseThrottleOps reads DEVICE:RATE with a rate in operations per second.
func ParseThrottleOps(value string) (Throttle, error) {
	path, rate, err := splitThrottle(value, "1000")
	if err != nil {
		return Throttle{}, err
	}
	n, err := strconv.ParseUint(rate, 10, 64)
	if err != nil {
		return Throttle{}, invalid(value, "rate %q: want a number of operations per second", rate)
	}
	return Throttle{path, n}, nil
}

func splitThrottle(value, example string) (path, rate string, err error) {
	path, rate, found := strings.Cut(value, ":")
	if !found || !strings.HasPrefix(path, "/dev/") {
		return "", "", invalid(value, "want DEVICE:RATE such as /dev/sda:%s", example)
	}
	return path, rate, noNUL(value)
}

// ParseBlkioWeight reads --blkio-weight: 10 to 1000, 0 is unset.
func ParseBlkioWeight(value string) (uint16, error) {
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || n != 0 && (n < 10 || n > 1000) {
		return 0, invalid(value, "want a number from 10 to 1000")
	}
	return uint16(n), nil
}
