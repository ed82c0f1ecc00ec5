package spec

import (
	"math"
)

// Unlimited is RLIM_INFINITY of getrlimit(2).
const Unlimited = math.MaxUint64

// CPUPeriod is the period in microseconds that --cpus sets.
const CPUPeriod = 100000

// Weight is one --blkio-weight-device: a device of the host and its share.
type Weight struct {
	Path   string
	Weight uint16
}

// Throttle is one --device-read-bps and its like: a device of the host and a rate.
type Throttle struct {
	Path string
	Rate uint64 // bytes or operations per second
}
