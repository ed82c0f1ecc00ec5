package worker

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	lib "tags.cncf.io/container-device-interface/pkg/cdi"
	"tags.cncf.io/container-device-interface/pkg/parser"
	raw "tags.cncf.io/container-device-interface/specs-go"

	"github.com/rc-containers/rc/pkg/cdi"
	"github.com/rc-containers/rc/pkg/hook/rules"
)

// Main answers the request that in holds.
func Main(in io.Reader, out io.Writer) error {
	var r cdi.Request
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	return json.NewEncoder(out).Encode(answer(&r))
}

func answer(r *cdi.Request) *cdi.Answer {
	// What is wrong with files is asked for later: one bad file hides no device of another.
	cache, _ := lib.NewCache(lib.WithSpecDirs(r.Dirs...), lib.WithAutoRefresh(false))
	if len(r.Devices) == 0 {
		return &cdi.Answer{Known: cache.ListDevices()}
	}
	a := &cdi.Answer{}
	done := map[*lib.Spec]bool{}
	for _, name := range r.Devices {
		device := cache.GetDevice(name)
		if device == nil {
			a.Error, a.Hint = missing(cache, r.Dirs, name)
			return a
		}
		// A file's own edits come once, before those of its first device.
		edits := []*raw.ContainerEdits{&device.ContainerEdits}
		if spec := device.GetSpec(); !done[spec] {
			done[spec] = true
			edits = slices.Insert(edits, 0, &spec.ContainerEdits)
		}
		for _, e := range edits {
			if refused := add(&a.Edits, e); refused != "" {
				return &cdi.Answer{Error: fmt.Sprintf("device %q (%s): %s", name, device.GetSpec().GetPath(), refused), Unsupported: true}
			}
		}
	}
	return a
}

// missing says which devices there are, where they were looked for, and what could not be read.
func missing(cache *lib.Cache, dirs []string, name string) (text, hint string) {
	known := "no device is known"
	if all := cache.ListDevices(); len(all) > 0 {
		known = "known are " + strings.Join(all, ", ")
	}
	text = fmt.Sprintf("device %q: not found in %s: %s", name, strings.Join(dirs, ", "), known)
	failures := cache.GetErrors()
	for _, path := range slices.Sorted(maps.Keys(failures)) {
		for _, err := range failures[path] {
			text += fmt.Sprintf("; %s: %v", path, err)
		}
	}
	vendor, _ := parser.ParseQualifier(name[:strings.IndexByte(name+"=", '=')])
	if vendor == "nvidia.com" {
		return text, "mkdir -p ~/.config/cdi && nvidia-ctk cdi generate --output ~/.config/cdi/nvidia.yaml"
	}
	return text, "put the specification of the device's vendor into one of the directories, or name another one by --cdi-spec-dir"
}

// add takes the edits of a device, or says what of them cannot be done.
func add(to *cdi.Edits, e *raw.ContainerEdits) (refused string) {
	switch {
	case e.IntelRdt != nil:
		return "it wants Intel RDT (intelRdt), which only root can set up"
	case len(e.NetDevices) > 0:
		return fmt.Sprintf("it wants the network device %q moved into the container (netDevices), which only root can", e.NetDevices[0].HostInterfaceName)
	}
	to.Env = append(to.Env, e.Env...)
	to.GIDs = append(to.GIDs, e.AdditionalGIDs...)
	for _, n := range e.DeviceNodes {
		host := n.HostPath
		if host == "" {
			host = n.Path
		}
		to.Nodes = append(to.Nodes, cdi.Node{Host: host, Container: n.Path})
	}
	for _, m := range e.Mounts {
		kind := m.Type
		if kind == "" {
			kind = "bind"
		}
		options := m.Options
		if kind == "bind" && !slices.Contains(options, "bind") && !slices.Contains(options, "rbind") {
			options = append([]string{"bind"}, options...)
		}
		to.Mounts = append(to.Mounts, specs.Mount{Source: m.HostPath, Destination: m.ContainerPath, Type: kind, Options: options})
	}
	for _, h := range e.Hooks {
		list := rules.List(&to.Hooks, h.HookName)
		if list == nil {
			return fmt.Sprintf("hook %q: %q is no stage", h.Path, h.HookName)
		}
		*list = append(*list, specs.Hook{Path: h.Path, Args: h.Args, Env: h.Env, Timeout: h.Timeout})
	}
	return ""
}
