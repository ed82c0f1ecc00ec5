package parse

import (
	"math"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// Size reads a number of bytes as docker and podman write it: 512m, 1.5g, 64MiB,
// 1024, with b, k, m, g, t or p in powers of 1024, in either case.
func Size(value string) (int64, error) {
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
			return 0, Invalid(value, want)
		}
	}
	// ParseFloat would also take 0x1p4, inf, nan, 1e9 and 1_000.
	if number == "" || strings.Trim(number, "0123456789.") != "" {
		return 0, Invalid(value, want)
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, Invalid(value, want)
	}
	if n*factor >= math.MaxInt64 {
		return 0, Invalid(value, "it is larger than 8 EiB")
	}
	return int64(n * factor), nil
}

// Swap reads --memory-swap: a size, or -1 for no limit.
func Swap(value string) (int64, error) {
	if value == "-1" {
		return -1, nil
	}
	n, err := Size(value)
	if err != nil {
		return 0, Invalid(value, "want a number with b, k, m, g or t, such as 1g, or -1 for no limit")
	}
	return n, nil
}

// CPUs reads --cpus: how many processors' time may be used, 0 is no limit. It
// returns the quota in microseconds of each CPUPeriod.
func CPUs(value string) (int64, error) {
	if value == "" || strings.Trim(value, "0123456789.") != "" {
		return 0, Invalid(value, "want a number of processors such as 1.5")
	}
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || n > 1e6 {
		return 0, Invalid(value, "want a number of processors such as 1.5")
	}
	quota := int64(n*spec.CPUPeriod + 0.5)
	if n > 0 && quota < 1000 { // the kernel's least quota is 1 ms
		return 0, Invalid(value, "it is less than 0.01, the least that the kernel can hold a process to")
	}
	return quota, nil
}

// Set checks a list as in cpuset(7): 0-3,7. It returns it unchanged.
func Set(value string) (string, error) {
	for part := range strings.SplitSeq(value, ",") {
		first, last, isRange := strings.Cut(part, "-")
		low, err := strconv.ParseUint(first, 10, 16)
		if err != nil {
			return "", Invalid(value, "want numbers and ranges such as 0-3,7")
		}
		if !isRange {
			continue
		}
		high, err := strconv.ParseUint(last, 10, 16)
		if err != nil || high < low {
			return "", Invalid(value, "%q is not a range: want numbers and ranges such as 0-3,7", part)
		}
	}
	return value, nil
}

// ThrottleBytes reads DEVICE:RATE with a rate such as 10mb.
func ThrottleBytes(value string) (spec.Throttle, error) {
	path, rate, err := splitThrottle(value, "10mb")
	if err != nil {
		return spec.Throttle{}, err
	}
	n, err := Size(rate)
	if err != nil {
		return spec.Throttle{}, Invalid(value, "rate %q: want a number with b, k, m or g, such as 10mb", rate)
	}
	return spec.Throttle{Path: path, Rate: uint64(n)}, nil
}

// ThrottleOps reads DEVICE:RATE with a rate in operations per second.
func ThrottleOps(value string) (spec.Throttle, error) {
	path, rate, err := splitThrottle(value, "1000")
	if err != nil {
		return spec.Throttle{}, err
	}
	n, err := strconv.ParseUint(rate, 10, 64)
	if err != nil {
		return spec.Throttle{}, Invalid(value, "rate %q: want a number of operations per second", rate)
	}
	return spec.Throttle{Path: path, Rate: n}, nil
}

func splitThrottle(value, example string) (path, rate string, err error) {
	path, rate, found := strings.Cut(value, ":")
	if !found || !strings.HasPrefix(path, "/dev/") {
		return "", "", Invalid(value, "want DEVICE:RATE such as /dev/sda:%s", example)
	}
	return path, rate, NoNUL(value)
}

// BlkioWeight reads --blkio-weight: 10 to 1000, 0 is unset.
func BlkioWeight(value string) (uint16, error) {
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || n != 0 && (n < 10 || n > 1000) {
		return 0, Invalid(value, "want a number from 10 to 1000")
	}
	return uint16(n), nil
}

// WeightDevice reads --blkio-weight-device DEVICE:WEIGHT.
func WeightDevice(value string) (spec.Weight, error) {
	path, text, err := splitThrottle(value, "100")
	if err != nil {
		return spec.Weight{}, err
	}
	weight, err := BlkioWeight(text)
	if err != nil || weight == 0 {
		return spec.Weight{}, Invalid(value, "weight %q: want a number from 10 to 1000", text)
	}
	return spec.Weight{Path: path, Weight: weight}, nil
}
