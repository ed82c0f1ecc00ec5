package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rc-containers/rc/"

// levels has every package of the project; imports go to a lower number. The tens are
// DESIGN.md's levels, what lies between them came to be in between.
var levels = map[string]int{
	"pkg/errs":   0,
	"pkg/linux":  0,
	"pkg/wire":   0,
	"pkg/record": 0,
	"pkg/hook":   5, // in the child, the shim, and as data

	"pkg/spec":       10,
	"pkg/logs":       10,
	"pkg/registry":   10,
	"pkg/format":     10,
	"pkg/hook/rules": 10,
	"pkg/layer":      10,
	"pkg/archive":    10,

	"pkg/config":               11,
	"pkg/events":               11,
	"pkg/spec/parse/parsetest": 11, // for the tests of the two below
	"pkg/spec/parse":           12, // what users type
	"pkg/spec/parse/mount":     13,

	"pkg/stack": 12, // trees of layers, by archive

	"pkg/index": 15, // what store writes and image reads

	"pkg/machine":        20, // facts about it, for info and doctor
	"pkg/userns":         20,
	"pkg/cgroup":         20,
	"pkg/systemd":        20,
	"pkg/store":          20,
	"pkg/oci":            20,
	"pkg/overlay":        20,
	"pkg/seccomp":        20,
	"pkg/network":        20,
	"pkg/network/bridge": 19, // which bridge networks there are, and who is on them
	"pkg/network/hub":    19, // the namespaces that they are in
	"pkg/network/joint":  20, // what rc-bridge is told
	"pkg/network/link":   21, // interfaces and rules, for rc-bridge alone
	"pkg/network/names":  21, // its name server
	"pkg/state":          20,
	"pkg/secret":         20,
	"pkg/cdi":            20,
	"pkg/cdi/worker":     25,
	"pkg/volume":         20,
	"pkg/volume/driver":  21, // what options of volumes mean

	"pkg/shim":              30,
	"pkg/image":             30,
	"pkg/container/create":  30, // the description of what container runs
	"pkg/container/inspect": 30, // the description as inspect shows it

	"pkg/image/compress":  31, // how layers are compressed
	"pkg/image/lists":     31, // manifest lists
	"pkg/image/manifest":  32, // what manifests say
	"pkg/image/transport": 33, // images in files
	"pkg/image/export":    34, // images on their way out of the store

	"pkg/container/mounts": 35, // what the mounts of a description are, and who keeps them
	"pkg/image/worker":     35, // image's other half, behind a process boundary

	// What pkg/container is made of.
	"pkg/container/records":             36, // which there are
	"pkg/container/records/recordstest": 36, // some for tests
	"pkg/container/placement":           36, // their cgroups
	"pkg/container/lifecycle":           37, // what is done to those that there are
	"pkg/container/session":             38, // exec and attach
	"pkg/container/output":              38, // logs

	"pkg/container":         40,
	"pkg/container/volumes": 42, // volumes and who uses them
	"pkg/system":            45, // what is done to all containers and images
	"pkg/autoupdate":        45, // units whose containers' images have changed
	"pkg/doctor":            46, // whether this machine has what rc needs
	// The files and processes of containers, for verbs that need not start one.
	"pkg/container/files":     45,
	"pkg/container/processes": 45,
	"pkg/container/networks":  45,
	"pkg/build":               34, // what rc build and its worker say to each other
	"pkg/build/agent":         16, // keys for RUN --mount=type=ssh, behind a process boundary
	"pkg/build/runner":        45, // RUN, on the host
	"pkg/build/dockerfile":    16, // what Dockerfiles mean
	"pkg/build/origin":        33, // where contexts come from
	"pkg/build/fetch":         35, // URLs, archives and repositories as contexts
	"pkg/build/steps":         16, // the build cache on disk
	"pkg/build/exchange":      16, // build caches that leave the machine
	"pkg/build/worker":        38, // build's other half, behind a process boundary
	"pkg/build/files":         32, // COPY and ADD
	"pkg/build/files/memory":  31, // digests of what was read before
	"pkg/build/remote":        20, // files and commits by URL

	"pkg/api":     50,
	"pkg/compose": 50,
	"pkg/quadlet": 50,

	"pkg/quadlet/unitfile":  48, // the format of its files
	"pkg/quadlet/installed": 52, // what people install of it
	"pkg/kube":              50,

	// rc's verbs are in packages by noun, between what they share and the program.
	"completions":        60, // the shells' scripts
	"cmd/rc/cli":         60,
	"cmd/rc/cli/clitest": 61, // for their tests
	"cmd/rc/complete":    62,
	"cmd/rc/build":       62,
	"cmd/rc/runflags":    61, // what run, create and build are told
	"cmd/rc/container":   63,
	// Groups of its verbs, and which containers they are about.
	"cmd/rc/container/files":     62,
	"cmd/rc/container/listing":   62,
	"cmd/rc/container/selection": 61,
	"cmd/rc/doctor":              62,
	"cmd/rc/image":               62,
	"cmd/rc/manifest":            63, // it shares flags with image
	"cmd/rc/inspect":             62,
	"cmd/rc/network":             62,
	"cmd/rc/secret":              62,
	"cmd/rc/system":              62,
	"cmd/rc/volume":              62,
	"cmd/rc/generate":            62,
	"cmd/rc/quadlet":             64, // it checks what run is told

	"cmd/rc":        65,
	"cmd/rc-cdi":    65,
	"cmd/rc-bridge": 65,
	"cmd/rc-image":  65,
	"cmd/rc-net":    65,
	"cmd/rc-shim":   65,

	"cmd/rc-user-generator": 65,
}

// importers says which packages of the project may import a module's packages, by prefix
// of the import path; the longest prefix decides.
var importers = map[string][]string{
	"go.podman.io/storage":             {"pkg/store"},
	"go.podman.io/image/v5":            {"pkg/registry", "pkg/image/worker"},
	"go.podman.io/image/v5/docker":     {"pkg/registry"},
	"go.podman.io/image/v5/copy":       {},
	"github.com/containers/storage":    {},
	"github.com/containers/image":      {},
	"github.com/godbus/dbus":           {"pkg/systemd"},
	"github.com/rootless-containers":   {"pkg/network", "cmd/rc-net"},
	"github.com/vishvananda/netlink":   {"pkg/network/link"},
	"github.com/google/nftables":       {"pkg/network/link"},
	"github.com/miekg/dns":             {"pkg/network/names"},
	"github.com/moby/profiles/seccomp": {"pkg/seccomp"},
	"github.com/spf13/cobra":           verbs(),
	"github.com/spf13/pflag":           verbs(),
	"github.com/docker/distribution":   {"pkg/registry"},
	// Its YAML costs at each start: rc-cdi has it.
	"tags.cncf.io/container-device-interface":            {"pkg/cdi/worker"},
	"tags.cncf.io/container-device-interface/pkg/parser": {"pkg/cdi/worker", "pkg/spec/parse"},
}

// verbs are the packages of rc's command line.
func verbs() []string {
	names := slices.DeleteFunc(slices.Collect(maps.Keys(levels)), func(name string) bool { return !within(name, "cmd/rc") })
	return slices.Sorted(slices.Values(names))
}

// unlinked says what a program must not have in it, by prefix of the import path.
var unlinked = map[string][]string{
	"cmd/rc-shim": {
		module + "pkg/store", module + "pkg/image", module + "pkg/registry", module + "pkg/network", module + "pkg/systemd",
		module + "pkg/container", module + "pkg/seccomp", "github.com/spf13/", "github.com/godbus/dbus", "go.podman.io/",
		module + "pkg/spec/parse", module + "pkg/volume/driver", "net/netip", "unique", "tags.cncf.io/",
		"github.com/rootless-containers/", "github.com/vishvananda/", "github.com/google/nftables", "github.com/miekg/dns",
		"net/http", "crypto/tls", "text/template", "github.com/sirupsen/logrus",
	},
	"cmd/rc-net": {
		module + "pkg/store", module + "pkg/image", module + "pkg/registry", module + "pkg/systemd", module + "pkg/container",
		module + "pkg/spec/parse", "github.com/spf13/", "github.com/godbus/dbus", "go.podman.io/", "net/http",
		"github.com/vishvananda/", "github.com/google/nftables", "github.com/miekg/dns",
	},
	"cmd/rc-bridge": {
		module + "pkg/store", module + "pkg/image", module + "pkg/registry", module + "pkg/systemd", module + "pkg/container", module + "pkg/config",
		module + "pkg/spec/parse", "github.com/spf13/", "github.com/godbus/dbus", "go.podman.io/", "net/http",
	},
	// rc starts rc-image and rc-net for what these are needed for.
	"cmd/rc": {
		module + "pkg/store", module + "pkg/registry", "go.podman.io/", "github.com/rootless-containers/",
		"github.com/vishvananda/", "github.com/google/nftables", "github.com/miekg/dns",
	},
	// A user manager waits for it at each start.
	"cmd/rc-user-generator": {
		module + "pkg/store", module + "pkg/image", module + "pkg/systemd", module + "pkg/container", module + "pkg/config",
		"github.com/spf13/", "github.com/godbus/dbus", "go.podman.io/", "net/http",
	},
	"cmd/rc-image": {"go.podman.io/image/v5/copy", "github.com/spf13/cobra", "github.com/godbus/dbus"},
}

// listed is what `go list` says about a package.
type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// list runs `go list` on the project's packages for Linux.
func list(t *testing.T) map[string]listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-tags", tags, "-json=ImportPath,Imports,Deps", module+"cmd/...", module+"completions", module+"pkg/...")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, &stderr)
	}
	packages := map[string]listed{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages[strings.TrimPrefix(p.ImportPath, module)] = p
	}
	if len(packages) < 10 {
		t.Fatalf("go list names %d packages", len(packages))
	}
	return packages
}

// within reports whether an import path is that of a prefix or below it.
func within(path, prefix string) bool {
	return path == strings.TrimSuffix(prefix, "/") || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
}

// TestLevels: every package has a level, and imports go down.
func TestLevels(t *testing.T) {
	for name, p := range list(t) {
		own, known := levels[name]
		if !known {
			t.Errorf("%s has no level: give it one here and in DESIGN.md", name)
			continue
		}
		for _, i := range p.Imports {
			other, ours := strings.CutPrefix(i, module)
			if !ours {
				continue
			}
			level, known := levels[other]
			switch {
			case strings.HasPrefix(other, "cmd/") && !strings.HasPrefix(name, "cmd/"), strings.HasPrefix(other, "test/"), strings.HasPrefix(other, "internal/test"):
				t.Errorf("%s imports %s, which is for nobody to import", name, other)
			case !known: // told above
			case level >= own:
				t.Errorf("%s (level %d) imports %s (level %d)", name, own, other, level)
			}
		}
	}
}

// TestImporters: heavy modules are imported where they belong and nowhere else.
func TestImporters(t *testing.T) {
	for name, p := range list(t) {
		for _, i := range p.Imports {
			rule := ""
			for prefix := range importers {
				if within(i, prefix) && len(prefix) > len(rule) {
					rule = prefix
				}
			}
			if rule != "" && !slices.Contains(importers[rule], name) {
				t.Errorf("%s imports %s: that is for %v", name, i, importers[rule])
			}
		}
	}
}

// TestLinked: no program has in it what would make it slow or large.
func TestLinked(t *testing.T) {
	packages := list(t)
	for program, prefixes := range unlinked {
		p, ok := packages[program]
		if !ok {
			t.Errorf("no program %s", program)
			continue
		}
		for _, prefix := range prefixes {
			for _, dep := range p.Deps {
				if within(dep, prefix) {
					t.Errorf("%s links %s, by %s", program, dep, strings.Join(chain(packages, program, dep), " → "))
					break
				}
			}
		}
	}
}

// TestNobody: what no program may link at all.
func TestNobody(t *testing.T) {
	for name, p := range list(t) {
		for _, dep := range p.Deps {
			if within(dep, "go.podman.io/image/v5/copy") {
				t.Errorf("%s depends on %s: its initialisation takes 16 ms", name, dep)
			}
		}
	}
}

// chain is a way from a program to a package through packages of the project.
func chain(packages map[string]listed, from, to string) []string {
	p := packages[from]
	if slices.Contains(p.Imports, to) {
		return []string{from, to}
	}
	for _, i := range p.Imports {
		name, ours := strings.CutPrefix(i, module)
		if ours && slices.Contains(packages[name].Deps, to) {
			return append([]string{from}, chain(packages, name, to)...)
		}
	}
	return []string{from, "…", to}
}

// TestTable: the tables above speak of things that there are or that DESIGN.md foresees.
func TestTable(t *testing.T) {
	foreseen := []string{"pkg/build", "pkg/api", "pkg/compose", "pkg/kube"}
	packages := list(t)
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		if _, ok := packages[name]; !ok && !slices.Contains(foreseen, name) {
			t.Errorf("%s is no more: take it out of the table", name)
		}
	}
}
