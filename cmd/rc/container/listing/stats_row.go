package listing

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/docker/go-units"

	"github.com/rc-containers/rc/pkg/container/processes"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/state"
)

// statsTable is what stats shows by default.
const statsTable = `{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}\t{{.UpTime}}\t{{.AVGCPU}}`

func statsHeadings() map[string]string {
	return map[string]string{
		"UpTime": "CPU TIME", "CPUPerc": "CPU %", "AVGCPU": "AVG CPU %", "MemUsage": "MEM USAGE / LIMIT",
		"MemUsageBytes": "MEM USAGE / LIMIT", "MemPerc": "MEM %", "NetIO": "NET IO", "BlockIO": "BLOCK IO", "PIDS": "PIDS",
	}
}

// unknownFigure is shown for what is not to be had.
const unknownFigure = "--"

// statsRow is a container's use as templates of docker and podman see it: its methods are
// the fields.
type statsRow struct {
	e           state.Entry
	now, before *processes.Sample // nil for one that does not run, or is shown for the first time
	full        bool
	hostMemory  uint64
}

func (r statsRow) ID() string {
	if r.full {
		return r.e.ID
	}
	return format.ShortID(r.e.ID)
}

func (r statsRow) ContainerID() string { return r.e.ID }
func (r statsRow) Container() string   { return r.ID() }
func (r statsRow) Name() string        { return r.e.Name }

// cpu is the processor time in nanoseconds.
func (r statsRow) cpu() (uint64, bool) {
	if r.now == nil || r.now.Stats.CPU == nil {
		return 0, false
	}
	return r.now.Stats.CPU.Total, true
}

// CPU is the share of one processor in percent, since the sample before or the start.
func (r statsRow) CPU() float64 {
	total, ok := r.cpu()
	if !ok {
		return 0
	}
	if r.before == nil || r.before.Stats.CPU == nil {
		return r.AvgCPU()
	}
	return share(total, r.before.Stats.CPU.Total, r.now.At.Sub(r.before.At))
}

// AvgCPU is the same since the start.
func (r statsRow) AvgCPU() float64 {
	total, ok := r.cpu()
	if !ok || r.e.State == nil {
		return 0
	}
	return share(total, 0, r.now.At.Sub(r.e.State.Started))
}

// share is a part of a time in percent. Sums over processes can become less.
func share(now, before uint64, elapsed time.Duration) float64 {
	if now < before || elapsed <= 0 {
		return 0
	}
	return 100 * float64(now-before) / float64(elapsed)
}

func (r statsRow) CPUPerc() string { return r.percent(r.CPU()) }
func (r statsRow) AVGCPU() string  { return r.percent(r.AvgCPU()) }

func (r statsRow) percent(p float64) string {
	if _, ok := r.cpu(); !ok {
		return unknownFigure
	}
	return percent(p)
}

func percent(p float64) string { return strconv.FormatFloat(p, 'f', 2, 64) + "%" }

// CPUNano and CPUSystemNano are nanoseconds; SystemNano is the time of the sample.
func (r statsRow) CPUNano() uint64 { n, _ := r.cpu(); return n }

func (r statsRow) CPUSystemNano() uint64 {
	if _, ok := r.cpu(); !ok {
		return 0
	}
	return r.now.Stats.CPU.System
}

func (r statsRow) SystemNano() uint64 {
	if r.now == nil {
		return 0
	}
	return uint64(r.now.At.UnixNano())
}

// UpTime is podman's name for the processor time.
func (r statsRow) UpTime() string {
	n, ok := r.cpu()
	if !ok {
		return unknownFigure
	}
	return time.Duration(n).Round(time.Microsecond).String()
}

// Duration is UpTime in nanoseconds.
func (r statsRow) Duration() uint64 { return r.CPUNano() }

// MemLimit is the container's limit, or what the machine has.
func (r statsRow) MemLimit() uint64 {
	if r.now == nil || r.now.Stats.Memory == nil {
		return 0
	}
	limit := r.now.Stats.Memory.Limit
	if limit == 0 || limit > r.hostMemory && r.hostMemory > 0 {
		return r.hostMemory
	}
	return limit
}

func (r statsRow) memory(text func(float64) string) string {
	if r.now == nil || r.now.Stats.Memory == nil {
		return pair(unknownFigure, unknownFigure)
	}
	return pair(text(float64(r.now.Stats.Memory.Used)), text(float64(r.MemLimit())))
}

func (r statsRow) MemUsage() string      { return r.memory(units.HumanSize) }
func (r statsRow) MemUsageBytes() string { return r.memory(units.BytesSize) }

func (r statsRow) MemPerc() string {
	if r.now == nil || r.now.Stats.Memory == nil || r.MemLimit() == 0 {
		return unknownFigure
	}
	return percent(100 * float64(r.now.Stats.Memory.Used) / float64(r.MemLimit()))
}

func (r statsRow) NetInput() uint64 {
	if r.now == nil || r.now.Net == nil {
		return 0
	}
	return r.now.Net.In
}

func (r statsRow) NetOutput() uint64 {
	if r.now == nil || r.now.Net == nil {
		return 0
	}
	return r.now.Net.Out
}

func (r statsRow) NetIO() string {
	if r.now == nil || r.now.Net == nil {
		return pair(unknownFigure, unknownFigure)
	}
	io := pair(units.HumanSize(float64(r.now.Net.In)), units.HumanSize(float64(r.now.Net.Out)))
	if r.e.Rate != "" {
		io += " (" + r.e.Rate + ")"
	}
	return io
}

// NetLimit is what --network-rate said, "" without a limit.
func (r statsRow) NetLimit() string { return r.e.Rate }

func (r statsRow) BlockInput() uint64 {
	if r.now == nil || r.now.Stats.IO == nil {
		return 0
	}
	return r.now.Stats.IO.Read
}

func (r statsRow) BlockOutput() uint64 {
	if r.now == nil || r.now.Stats.IO == nil {
		return 0
	}
	return r.now.Stats.IO.Written
}

func (r statsRow) BlockIO() string {
	if r.now == nil || r.now.Stats.IO == nil {
		return pair(unknownFigure, unknownFigure)
	}
	return pair(units.HumanSize(float64(r.BlockInput())), units.HumanSize(float64(r.BlockOutput())))
}

// Up is UpTime, by podman's other name.
func (r statsRow) Up() string { return r.UpTime() }

// PerCPU is nothing: cgroup v2 does not count processors one by one.
func (r statsRow) PerCPU() []uint64 { return nil }

// PIDs is podman's other name.
func (r statsRow) PIDs() string { return r.PIDS() }

// PIDS is how many processes it has.
func (r statsRow) PIDS() string {
	if r.now == nil {
		return unknownFigure
	}
	return strconv.FormatUint(r.now.Stats.PIDs, 10)
}

func pair(a, b string) string { return fmt.Sprintf("%s / %s", a, b) }

// MarshalJSON has podman's names and types.
func (r statsRow) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		CPUTime    string `json:"cpu_time"`
		CPUPercent string `json:"cpu_percent"`
		AvgCPU     string `json:"avg_cpu"`
		MemUsage   string `json:"mem_usage"`
		MemPercent string `json:"mem_percent"`
		NetIO      string `json:"net_io"`
		NetLimit   string `json:"net_limit,omitempty"`
		BlockIO    string `json:"block_io"`
		PIDs       string `json:"pids"`
	}{r.ID(), r.Name(), r.UpTime(), r.CPUPerc(), r.AVGCPU(), r.MemUsage(), r.MemPerc(), r.NetIO(), r.NetLimit(), r.BlockIO(), r.PIDS()})
}
