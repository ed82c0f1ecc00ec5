package systemd

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/linux"
)

// Property is a unit's property as StartTransientUnit takes it. Value has the Go type of its D-Bus
// signature: uint64 (t), bool (b), string (s), []uint32 (au), []byte (ay), []DeviceRate (a(st)).
type Property struct {
	Name  string
	Value any
}

// DeviceRate is a limit for one block device.
type DeviceRate struct {
	Path string // /dev/block/MAJOR:MINOR
	Rate uint64
}

// A scope holds more than the container: the shim, fuse-overlayfs, the network helper, and each
// exec before it is in the container's leaf. Were the scope as tight as the leaf, they would eat
// of what the user gave the container, --pids-limit 5 would not even let the shim's threads live,
// and a fork bomb or a full memory would end the shim instead of hitting the leaf's limit. So what
// adds up gets a reserve on the scope; the leaf is exact.
const (
	MemoryReserve = 256 << 20
	TasksReserve  = 256
)

// infinity is systemd's value for no limit.
const infinity = math.MaxUint64

// quotaStep is what CPUQuotaPerSecUSec is rounded up to: systemd stores whole percents when it
// serialises the unit, and would round a smaller step down at the next daemon-reload.
const quotaStep = 10_000 // µs

// Properties translates cgroup v2 files (name and value) into properties of a scope that has the
// limited cgroup in it. Files that systemd has no property for give none: they are set in the
// cgroup alone. A value that is not in the file's format gives none either; the kernel is the
// judge of it.
func Properties(files iter.Seq2[string, string]) []Property {
	var list []Property
	rates := map[string][]DeviceRate{}
	for name, value := range files {
		switch name {
		case "cpu.max":
			list = append(list, cpuQuota(value)...)
		case "cpuset.cpus":
			list = append(list, cpus("AllowedCPUs", value)...)
		case "cpuset.mems":
			list = append(list, cpus("AllowedMemoryNodes", value)...)
		case "io.max":
			addRates(rates, value)
		default:
			list = append(list, number(name, value)...)
		}
	}
	for _, r := range ioRates {
		if len(rates[r.property]) > 0 {
			list = append(list, Property{r.property, rates[r.property]})
		}
	}
	return list
}

func number(name, value string) []Property {
	for _, n := range []struct {
		file, property string
		reserve        uint64
	}{
		{"memory.max", "MemoryMax", MemoryReserve},
		{"memory.high", "MemoryHigh", MemoryReserve},
		{"memory.swap.max", "MemorySwapMax", MemoryReserve},
		{"memory.low", "MemoryLow", 0},
		{"memory.min", "MemoryMin", 0},
		{"pids.max", "TasksMax", TasksReserve},
		{"cpu.weight", "CPUWeight", 0},
		{"io.weight", "IOWeight", 0},
	} {
		if n.file != name {
			continue
		}
		if value == "max" {
			return []Property{{n.property, uint64(infinity)}}
		}
		v, err := strconv.ParseUint(strings.TrimPrefix(value, "default "), 10, 64)
		if err != nil {
			return nil
		}
		if v > infinity-n.reserve {
			return []Property{{n.property, uint64(infinity)}}
		}
		return []Property{{n.property, v + n.reserve}}
	}
	return nil
}

// cpuQuota reads "QUOTA PERIOD" in microseconds; systemd wants µs in a second.
func cpuQuota(value string) []Property {
	quota, period, _ := strings.Cut(value, " ")
	if period == "" {
		period = "100000"
	}
	p, err := strconv.ParseUint(period, 10, 32)
	if err != nil || p == 0 {
		return nil
	}
	perSecond := uint64(infinity)
	if quota != "max" {
		q, err := strconv.ParseUint(quota, 10, 43) // so that q·10⁶ fits in 64 bits
		if err != nil {
			return nil
		}
		perSecond = (q*1_000_000 + p - 1) / p
		perSecond = (perSecond + quotaStep - 1) / quotaStep * quotaStep
	}
	return []Property{{"CPUQuotaPerSecUSec", perSecond}, {"CPUQuotaPeriodUSec", p}}
}

func cpus(property, list string) []Property {
	if strings.TrimSpace(list) == "" {
		return []Property{{property, []byte{}}} // all of them
	}
	set, err := linux.ParseCPUList(list)
	if err != nil {
		return nil
	}
	return []Property{{property, []byte(set)}}
}

// ioRates are the keys of io.max.
var ioRates = [...]struct{ key, property string }{
	{"rbps", "IOReadBandwidthMax"},
	{"wbps", "IOWriteBandwidthMax"},
	{"riops", "IOReadIOPSMax"},
	{"wiops", "IOWriteIOPSMax"},
}

// addRates reads "MAJOR:MINOR key=rate key=rate".
func addRates(rates map[string][]DeviceRate, value string) {
	fields := strings.Fields(value)
	if len(fields) < 2 || strings.Trim(fields[0], "0123456789:") != "" {
		return
	}
	for _, f := range fields[1:] {
		key, rate, _ := strings.Cut(f, "=")
		n, err := strconv.ParseUint(rate, 10, 64)
		if rate == "max" {
			n, err = infinity, nil
		}
		if err != nil {
			continue
		}
		for _, r := range ioRates {
			if r.key == key {
				rates[r.property] = append(rates[r.property], DeviceRate{"/dev/block/" + fields[0], n})
			}
		}
	}
}

// String is for golden tests and the debug log.
func (p Property) String() string {
	if set, ok := p.Value.([]byte); ok {
		return fmt.Sprintf("%s=%08b", p.Name, slices.Clone(set))
	}
	return fmt.Sprintf("%s=%v", p.Name, p.Value)
}
