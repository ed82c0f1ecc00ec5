package system

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/config"
)

func TestInfo(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	info := func(args ...string) (string, error) {
		a := clitest.App(t, false)
		a.Config = nil
		a.Global = config.Flags{Root: home + "/data", RunRoot: home + "/run"}
		if err := a.Load(); err != nil {
			t.Fatal(err)
		}
		out, warned, err := clitest.Call(t, a, newInfoCommand(a, printInfo), args...)
		if warned != "" {
			t.Errorf("info %q: %s", args, warned)
		}
		return out, err
	}
	out, err := info()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"host:", "  os: linux", "store:", "  graphDriverName: overlay", "  graphRoot: " + home + "/data/storage", "version:"} {
		if !strings.Contains(out, line+"\n") {
			t.Errorf("no line %q in\n%s", line, out)
		}
	}
	var facts systemInfo
	out, err = info("--format", "json")
	if err := errors.Join(err, json.Unmarshal([]byte(out), &facts)); err != nil {
		t.Fatal(err)
	}
	if facts.Host.CPUs < 1 || facts.Host.MemTotal == 0 || facts.Host.Kernel == "" || facts.Store.MountProgram.Reason == "" ||
		facts.Store.GraphStatus["Backing Filesystem"] == "" || facts.Version.Version == "" {
		t.Errorf("%+v", facts)
	}
	if out, _ = info("--format", "{{.Host.OS}} {{.Store.ImageStore.Number}}"); out != "linux 0\n" {
		t.Errorf("template: %q", out)
	}
	if _, err = info("--format", "{{.Hots}}"); err == nil || !strings.Contains(err.Error(), `no field ".Hots"`) {
		t.Error(err)
	}
	if entries, err := os.ReadDir(home); err != nil || len(entries) != 0 {
		t.Errorf("info has made %v %v", entries, err)
	}
}

func TestWriteYAML(t *testing.T) {
	var out bytes.Buffer
	value := struct {
		Name  string `json:"name"`
		Empty string `json:"empty"`
		Gone  string `json:"gone,omitempty"`
		List  []string
		None  []string
		Maps  []idMapping       `json:"maps"`
		Map   map[string]string `json:"map"`
		NoMap map[string]string `json:"noMap"`
		Inner struct {
			On bool `json:"on"`
		} `json:"inner"`
	}{
		Name: "plain text", List: []string{"a: b", "12", "true", "- x", "it's", "a:b", "ends:", " x"},
		Maps: []idMapping{{0, 1000, 1}, {1, 100000, 65536}}, Map: map[string]string{"z": "1", "a": "x\ny"},
	}
	if err := writeYAML(&out, value); err != nil {
		t.Fatal(err)
	}
	want := `name: plain text
empty: ""
List:
- "a: b"
- "12"
- "true"
- "- x"
- "it's"
- a:b
- "ends:"
- " x"
None: []
maps:
- container_id: 0
  host_id: 1000
  size: 1
- container_id: 1
  host_id: 100000
  size: 65536
map:
  a: "x\ny"
  z: "1"
noMap: {}
inner:
  on: false
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHostFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("NAME=\"Debian\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME='bookworm'\nMemTotal:       1024 kB\nbad line\nMemFree: x kB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := distribution(path); got != (distributionInfo{"bookworm", "debian", "12"}) {
		t.Errorf("%+v", got)
	}
	if got := distribution(dir + "/missing"); got.Distribution != "unknown" {
		t.Errorf("%+v", got)
	}
	if got := memoryFacts(path); got["MemTotal"] != 1<<20 || got["MemFree"] != 0 {
		t.Errorf("%v", got)
	}
	for d, want := range map[time.Duration]string{
		90 * time.Second: "0h 1m 30.00s", 36*time.Hour + time.Minute: "36h 1m 0.00s (Approximately 1.50 days)",
	} {
		if got := uptime(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestPingFacts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ping_group_range")
	for text, want := range map[string]string{
		"1\t0\n":          "no: net.ipv4.ping_group_range is 1 0; sudo sysctl net.ipv4.ping_group_range='0 2147483647'",
		"0\t2147483647\n": "yes",
		"5 6":             "no: ",
		"100 200":         "yes",
		"nonsense":        "unknown",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := pingFacts(file, []int{1000, 150}); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := pingFacts(file+"x", nil); got != "unknown" {
		t.Errorf("no file: %s", got)
	}
}
