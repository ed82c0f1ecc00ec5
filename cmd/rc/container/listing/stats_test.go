package listing

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/container/processes"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

func TestStatsOptions(t *testing.T) {
	clitest.Taken(t, newStatsCommand, map[string]statsOptions{
		"":                          {Interval: 5},
		"-a":                        {Selection: selection.Selection{All: true}, Interval: 5},
		"-l --no-stream":            {Selection: selection.Selection{Latest: true}, Interval: 5, NoStream: true},
		"-i 1 --no-reset a b":       {Selection: selection.Selection{Names: []string{"a", "b"}}, Interval: 1, NoReset: true},
		"--no-trunc --format table": {Interval: 5, NoTrunc: true, Format: "table"},
	})
	clitest.Refused(t, newStatsCommand, map[string]string{"-a x": "", "-a -l": "", "-i 0": "", "-i -1": "", "--format {{.Nope}}": ""})
}

func TestStatsRows(t *testing.T) {
	at := time.Unix(1700000000, 0)
	entry := state.Entry{Summary: spec.Summary{ID: strings.Repeat("ab", 32), Name: "web"}, State: &spec.State{Started: at.Add(-10 * time.Second)}}
	second := uint64(time.Second)
	full := &processes.Sample{At: at, Net: &processes.Network{In: 1500, Out: 2}, Stats: cgroup.Stats{
		CPU: &cgroup.CPUStats{Total: 2 * second}, Memory: &cgroup.MemoryStats{Used: 1 << 20, Limit: 1 << 22}, IO: &cgroup.IOStats{Read: 1000, Written: 2000}, PIDs: 7,
	}}
	before := &processes.Sample{At: at.Add(-2 * time.Second), Stats: cgroup.Stats{CPU: &cgroup.CPUStats{Total: second}}}
	rows := []statsRow{
		{e: entry, now: full, hostMemory: 1 << 30},
		{e: entry, now: full, before: before, hostMemory: 1 << 21, full: true},
		{e: entry, now: before, before: full}, // figures that became less
		{e: entry},                            // one that does not run
	}
	var out bytes.Buffer
	text := `{{.ID}}|{{.Name}}|{{.CPUPerc}}|{{.MemUsage}}|{{.MemUsageBytes}}|{{.MemPerc}}|{{.NetIO}}|{{.BlockIO}}|{{.PIDS}}|{{.UpTime}}|{{.AVGCPU}}`
	if err := format.Print(&out, text, rows, format.Options{}); err != nil {
		t.Fatal(err)
	}
	const want = `abababababab|web|20.00%|1.049MB / 4.194MB|1MiB / 4MiB|25.00%|1.5kB / 2B|1kB / 2kB|7|2s|20.00%
abababababababababababababababababababababababababababababababab|web|50.00%|1.049MB / 2.097MB|1MiB / 2MiB|50.00%|1.5kB / 2B|1kB / 2kB|7|2s|20.00%
abababababab|web|0.00%|-- / --|-- / --|--|-- / --|-- / --|0|1s|12.50%
abababababab|web|--|-- / --|-- / --|--|-- / --|-- / --|--|--|--
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// TestStatsOfWhatEnds: no container that does not run keeps stats from ending well.
func TestStatsOfWhatEnds(t *testing.T) {
	for args, want := range map[string]string{
		"--no-stream made failed": "made --\nfailed --\n", "made": "made --\n", "--no-stream -a": "made --\nruns --\nfailed --\n", "--no-stream": "",
	} {
		a := clitest.App(t, false)
		words := append(strings.Fields(args), "--format", "{{.Name}} {{.PIDS}}")
		stdout, stderr, err := clitest.Call(t, a, newStatsCommand(a, showStats), words...)
		if err != nil || stdout != want || stderr != "" {
			t.Errorf("%s: %q, %q, %v", args, stdout, stderr, err)
		}
	}
	a := clitest.App(t, false)
	if _, _, err := clitest.Call(t, a, newStatsCommand(a, showStats), "nobody"); err == nil {
		t.Error("a container that is not there")
	}
}
