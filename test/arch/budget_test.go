package arch

import (
	"cmp"
	"debug/elf"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tags are the Makefile's.
const tags = "containers_image_openpgp exclude_graphdriver_btrfs"

// runs is how often each program is started; the fastest counts, since noise only adds.
const runs = 60

// budgets are milliseconds of all packages' initialisation together (issue 2).
var budgets = []struct {
	program string
	args    []string
	limit   float64
}{
	{"rc", []string{"--version"}, 1.5},
	{"rc-shim", []string{"--version"}, 0.4},
	{"rc-net", []string{"--version"}, 0.4},
}

// initLine is a line of GODEBUG=inittrace=1: "init net/http @1.2 ms, 0.034 ms clock, …".
var initLine = regexp.MustCompile(`(?m)^init (\S+) @[0-9.]+ ms, ([0-9.]+) ms clock`)

// build makes the programs as the Makefile does.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	args := []string{"build", "-trimpath", "-tags", tags, "-ldflags", "-s -w", "-o", dir + "/"}
	cmd := exec.CommandContext(t.Context(), "go", append(args, module+"cmd/...")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	return dir
}

// TestBudget builds the programs and measures what initialisation costs them.
func TestBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("short: builds all programs")
	}
	dir := build(t)
	t.Run("static", func(t *testing.T) { static(t, dir) })
	for _, b := range budgets {
		t.Run(b.program, func(t *testing.T) {
			best, report := math.Inf(1), ""
			for range runs {
				if sum, text := initialise(t, filepath.Join(dir, b.program), b.args); sum < best {
					best, report = sum, text
				}
			}
			t.Logf("initialisation %.3f ms of %.1f; most of it:\n%s", best, b.limit, report)
			// A machine that is busy, or emulated, is slow at everything: its Go runtime's own part says how much.
			if slow := runtimePart(report) / usualRuntime; slow > 1 {
				t.Logf("this machine takes %.1f times as long as usual", slow)
				best /= slow
			}
			if best > b.limit {
				t.Errorf("initialisation takes %.3f ms, more than %.1f", best, b.limit)
			}
		})
	}
}

// static: no program needs a dynamic linker.
func static(t *testing.T, dir string) {
	files, err := filepath.Glob(dir + "/rc*")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v: %v", files, err)
	}
	for _, path := range files {
		f, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s is not static: it has %v", filepath.Base(path), p.Type)
			}
		}
	}
}

// initialise runs a program once and adds up its packages.
func initialise(t *testing.T, path string, args []string) (sum float64, report string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err := cmd.Run() // helpers refuse to be called by hand: only their initialisation matters
	type cost struct {
		name string
		ms   float64
	}
	var costs []cost
	for _, m := range initLine.FindAllStringSubmatch(stderr.String(), -1) {
		ms, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		if m[1] == "internal/godebug" {
			continue // it works for the trace
		}
		sum += ms
		costs = append(costs, cost{m[1], ms})
	}
	if len(costs) == 0 {
		t.Fatalf("%s: no trace (%v): %s", path, err, &stderr)
	}
	slices.SortFunc(costs, func(a, b cost) int { return cmp.Compare(b.ms, a.ms) })
	for i, c := range costs {
		if i < 8 || c.name == "runtime" {
			report += fmt.Sprintf("\t%.3f ms %s\n", c.ms, c.name)
		}
	}
	return sum, report
}

// usualRuntime is what package runtime's initialisation takes on a quiet machine, in milliseconds.
const usualRuntime = 0.05

// runtimePart is package runtime's part of what initialise reports, in milliseconds.
func runtimePart(report string) float64 {
	for line := range strings.Lines(report) {
		var ms float64
		if n, err := fmt.Sscanf(strings.TrimSpace(line), "%f ms runtime", &ms); n == 1 && err == nil && strings.HasSuffix(strings.TrimSpace(line), " runtime") {
			return ms
		}
	}
	return 0
}
