package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestChanges(t *testing.T) {
	file := func(name, value string) File { return File{Name: name, Value: value} }
	for _, c := range []struct {
		was, next []File
		want      []string
	}{
		{nil, []File{file("pids.max", "5")}, []string{"pids.max=5"}},
		{[]File{file("pids.max", "5")}, []File{file("pids.max", "5")}, nil},
		{[]File{file("pids.max", "5")}, []File{file("pids.max", "6")}, []string{"pids.max=6"}},
		{
			[]File{
				file("memory.max", "9"), file("memory.swap.max", "9"), file("memory.low", "1"), file("cpu.weight", "7"),
				file("cpu.max", "5 10"), file("cpuset.cpus", "0"), file("pids.max", "5"), file("io.bfq.weight", "20"), file("io.weight", "30"),
			},
			nil,
			[]string{
				"memory.max=max", "memory.swap.max=max", "memory.low=0", "cpu.weight=100", "cpu.max=max 100000", "cpuset.cpus=\n",
				"pids.max=max", "io.bfq.weight=100", "io.weight=100",
			},
		},
		{
			[]File{file("io.max", "8:0 rbps=1"), file("io.max", "8:0 wbps=2"), file("io.max", "8:16 rbps=3")},
			[]File{file("io.max", "8:0 rbps=4"), file("io.max", "8:16 rbps=3")},
			[]string{"io.max=8:0 rbps=4", "io.max=8:0 wbps=max"},
		},
		{[]File{file("memory.oom.group", "1")}, nil, nil},
	} {
		if diff := cmp.Diff(c.want, lines(Changes(c.was, c.next))); diff != "" {
			t.Errorf("%v to %v: %s", c.was, c.next, diff)
		}
	}
}

// TestUpdate: what is refused in the middle is put back. The directory is no cgroup: values
// have one length each, so that a write replaces them.
func TestUpdate(t *testing.T) {
	dir := t.TempDir()
	for name, value := range map[string]string{"pids.max": "111", "memory.max": "222", "io.max": "8:0 rbps=1 wbps=max riops=max wiops=max\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	says := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	files := []File{{Name: "pids.max", Value: "333", Flags: "--pids-limit"}, {Name: "memory.max", Value: "444", Flags: "--memory"}}
	undo, err := Update(dir, files)
	if err != nil || says("pids.max") != "333" || says("memory.max") != "444" {
		t.Fatal(err, says("pids.max"), says("memory.max"))
	}
	if err := undo(); err != nil || says("pids.max") != "111" || says("memory.max") != "222" {
		t.Error(err, says("pids.max"), says("memory.max"))
	}
	_, err = Update(dir, append(files, File{Name: "cpu.max", Value: "1 2", Flags: "--cpus"}))
	if !errors.Is(err, errs.ErrUnsupported) || says("pids.max") != "111" || says("memory.max") != "222" {
		t.Error(err, says("pids.max"), says("memory.max"))
	}
	io := File{Name: "io.max", Value: "8:0 rbps=9"}
	if got := io.before(says("io.max")); got != "8:0 rbps=1 wbps=max riops=max wiops=max" {
		t.Error(got)
	}
	if got := (File{Name: "io.max", Value: "9:9 rbps=9"}).before(says("io.max")); got != "9:9 rbps=max wbps=max riops=max wiops=max" {
		t.Error(got)
	}
	if got := (File{Name: "io.weight"}).before("default 50\n8:0 7\n"); got != "50" {
		t.Error(got)
	}
}
