package arch

import (
	"cmp"
	"debug/elf"
	"fmt"
	"maps"
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

// runs is how often each program is started. Of each package the fastest run counts, since noise only adds:
// somewhere in a whole start there nearly always is some.
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
	{"rc-user-generator", []string{"--version"}, 0.4},
	{"rc-bridge", []string{"--version"}, 0.8}, // netlink, nftables and dns
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
			costs := map[string]float64{}
			for range runs {
				for name, ms := range initialise(t, filepath.Join(dir, b.program), b.args) {
					if least, ok := costs[name]; !ok || ms < least {
						costs[name] = ms
					}
				}
			}
			best := 0.0
			for _, ms := range costs {
				best += ms
			}
			t.Logf("initialisation %.3f ms of %.1f; most of it:\n%s", best, b.limit, largest(costs))
			// A machine that is busy, or emulated, is slow at everything: its Go runtime's own part says how much.
			if slow := costs["runtime"] / usualRuntime; slow > 1 {
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

// initialise runs a program once and returns what each package's initialisation took, in milliseconds.
func initialise(t *testing.T, path string, args []string) map[string]float64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err := cmd.Run() // helpers refuse to be called by hand: only their initialisation matters
	costs := map[string]float64{}
	for _, m := range initLine.FindAllStringSubmatch(stderr.String(), -1) {
		ms, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		costs[m[1]] = ms
	}
	delete(costs, "internal/godebug") // it works for the trace
	if len(costs) == 0 {
		t.Fatalf("%s: no trace (%v): %s", path, err, &stderr)
	}
	return costs
}

// largest lists the packages that cost most.
func largest(costs map[string]float64) string {
	names := slices.SortedFunc(maps.Keys(costs), func(a, b string) int { return cmp.Compare(costs[b], costs[a]) })
	var report strings.Builder
	for _, name := range names[:min(8, len(names))] {
		fmt.Fprintf(&report, "\t%.3f ms %s\n", costs[name], name)
	}
	return report.String()
}

// usualRuntime is what package runtime's initialisation takes on a quiet machine, in milliseconds.
const usualRuntime = 0.05
