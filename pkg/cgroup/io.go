package cgroup

import (
	"fmt"
	"math"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ioFiles: the weight goes to whichever of the two policies the kernel has. BFQ takes it as it is
// (1 to 1000), io.weight (iocost) knows 1 to 10000.
func ioFiles(r *specs.LinuxResources) ([]File, error) {
	b := r.BlockIO
	if b == nil {
		return nil, nil
	}
	if b.LeafWeight != nil && *b.LeafWeight != 0 {
		return nil, unsupported("blockIO.leafWeight")
	}
	var files []File
	if b.Weight != nil && *b.Weight != 0 {
		more, err := weightFiles("--blkio-weight", "", *b.Weight)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	for _, d := range b.WeightDevice {
		if d.LeafWeight != nil && *d.LeafWeight != 0 {
			return nil, unsupported("blockIO.weightDevice.leafWeight")
		}
		if d.Weight == nil || *d.Weight == 0 {
			continue
		}
		more, err := weightFiles("--blkio-weight-device", device(d.LinuxBlockIODevice)+" ", *d.Weight)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	for _, t := range []struct {
		key, flag string
		devices   []specs.LinuxThrottleDevice
	}{
		{"rbps", "--device-read-bps", b.ThrottleReadBpsDevice},
		{"wbps", "--device-write-bps", b.ThrottleWriteBpsDevice},
		{"riops", "--device-read-iops", b.ThrottleReadIOPSDevice},
		{"wiops", "--device-write-iops", b.ThrottleWriteIOPSDevice},
	} {
		for _, d := range t.devices {
			rate := "max"
			if d.Rate != 0 {
				rate = utoa(d.Rate)
			}
			files = append(files, File{Name: "io.max", Value: device(d.LinuxBlockIODevice) + " " + t.key + "=" + rate, Flags: t.flag})
		}
	}
	return files, nil
}

func weightFiles(flag, prefix string, weight uint16) ([]File, error) {
	if weight < minBlkio || weight > maxBlkio {
		return nil, invalid(flag, prefix+utoa(uint64(weight)), fmt.Sprintf("want %d to %d", minBlkio, maxBlkio))
	}
	return []File{
		{Name: "io.bfq.weight", Value: prefix + utoa(uint64(weight)), Flags: flag, Either: flag},
		{Name: "io.weight", Value: prefix + utoa(ioWeight(weight)), Flags: flag, Either: flag},
	}, nil
}

func device(d specs.LinuxBlockIODevice) string {
	return itoa(d.Major) + ":" + itoa(d.Minor)
}

// ioWeight spreads 10…1000 over 1…10000, linearly, as the OCI runtimes do.
func ioWeight(blkio uint16) uint64 {
	return 1 + (uint64(blkio)-minBlkio)*9999/(maxBlkio-minBlkio)
}

// cpuWeight turns version 1 shares (2…262144, default 1024) into a version 2 weight (1…10000,
// default 100): the curve through (2, 1), (1024, 100) and (262144, 10000), quadratic in the
// logarithms, which crun (since 1.21) and runc (since 1.3.2) agreed on. The straight line that
// both had before gave a default container 39 instead of 100.
func cpuWeight(shares uint64) uint64 {
	shares = min(max(shares, 2), 262144)
	log := math.Log2(float64(shares))
	exponent := (log*log+125*log)/612 - 7.0/34
	// At the three points the power is whole but for rounding, which differs between machines that
	// fuse multiply and add (arm64) and those that do not.
	return uint64(math.Ceil(math.Pow(10, exponent) - 1e-6))
}
