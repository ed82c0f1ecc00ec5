package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cgroupDir makes a directory with the files of a cgroup.
func cgroupDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(data), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// cpuStat is what Linux 6.1 says.
const cpuStat = `usage_usec 1234567
user_usec 1000000
system_usec 234567
core_sched.force_idle_usec 0
nr_periods 0
nr_throttled 0
throttled_usec 0
`

func TestReadStats(t *testing.T) {
	cpu := &CPUStats{Total: 1_234_567_000, User: 1_000_000_000, System: 234_567_000}
	for name, test := range map[string]struct {
		files map[string]string
		want  Stats
	}{
		"all controllers": {map[string]string{
			"cpu.stat":       cpuStat,
			"memory.current": "10485760\n", "memory.max": "268435456\n",
			"memory.stat":  "anon 6291456\nfile 4194304\ninactive_anon 0\ninactive_file 3145728\nactive_file 1048576\n",
			"io.stat":      "254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1000 wbytes=0 rios=1 wios=0 dbytes=7 dios=1\n7:0 \n",
			"pids.current": "5\n", "cgroup.threads": "1\n",
		}, Stats{CPU: cpu, Memory: &MemoryStats{10485760 - 3145728, 268435456}, IO: &IOStats{5096, 8192}, PIDs: 5}},
		"no limit": {map[string]string{
			"cpu.stat": cpuStat, "memory.current": "4096\n", "memory.max": "max\n", "memory.stat": "inactive_file 8192\n", "pids.current": "1",
		}, Stats{CPU: cpu, Memory: &MemoryStats{Used: 4096}, PIDs: 1}},
		"no controllers": {map[string]string{
			"cpu.stat": cpuStat, "cgroup.threads": "11\n12\n", "a/cgroup.threads": "13\n", "a/b/cgroup.threads": "", "c/cgroup.threads": "14\n0\n",
		}, Stats{CPU: cpu, PIDs: 4}},
		"nothing read yet": {map[string]string{"cpu.stat": "usage_usec 0\n", "io.stat": ""}, Stats{CPU: &CPUStats{}, IO: &IOStats{}}},
		"nonsense": {map[string]string{
			"cpu.stat": "usage_usec x\n\nuser_usec", "memory.current": "", "io.stat": "8:0 rbytes= wbytes=-1 rbytes", "pids.current": "y",
		}, Stats{CPU: &CPUStats{}, Memory: &MemoryStats{}, IO: &IOStats{}}},
	} {
		got, err := ReadStats(cgroupDir(t, test.files))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.want, *got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := ReadStats(filepath.Join(t.TempDir(), "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestAllProcesses(t *testing.T) {
	dir := cgroupDir(t, map[string]string{"cgroup.procs": "7\n3\n", "sub/cgroup.procs": "0\n9\n", "sub/file": "1"})
	got, err := AllProcesses(dir)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, []int{3, 7, 9}) {
		t.Error(got, err)
	}
	if got, err := AllProcesses(filepath.Join(dir, "gone")); err != nil || len(got) > 0 {
		t.Error(got, err)
	}
}
