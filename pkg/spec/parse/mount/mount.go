package mount

import (
	"encoding/csv"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// mountFields is a --mount split at its commas, with the synonyms of docker and podman
// already folded together.
type mountFields struct {
	kind        string
	source      string
	destination string
	recursive   string   // bind-recursive=
	options     []string // option words in -v's vocabulary
	params      []string // key=value of a file system
	copyLink    bool
}

// Types are the types of --mount.
func Types() []string {
	return []string{"bind", "devpts", spec.TypeGlob, spec.TypeImage, "ramfs", "tmpfs", spec.TypeVolume}
}

// Keys are the fields of a --mount beside type and dst that a type takes.
func Keys(kind string) []string { return strings.Fields(mountKeys(kind)) }

// mountKeys are the fields that a type takes beside type and dst.
func mountKeys(kind string) string {
	const (
		access      = " ro rw exec noexec suid nosuid dev nodev consistency"
		binds       = " src U relabel z Z bind-propagation shared rshared slave rslave private rprivate unbindable runbindable"
		memory      = access + " src U tmpfs-mode tmpcopyup notmpcopyup"
		ofDirectory = access + binds + " bind-nonrecursive bind-recursive"
	)
	switch kind {
	case "bind":
		return ofDirectory + " no-dereference"
	case spec.TypeGlob:
		return ofDirectory
	case spec.TypeVolume:
		return access + binds + " nocopy subpath volume-label volume-opt volume-driver"
	case spec.TypeImage:
		return " src ro rw subpath consistency"
	case "tmpfs":
		return memory + " tmpfs-size"
	case "ramfs":
		return memory
	case "devpts":
		return " uid gid mode max"
	}
	return ""
}

// Parse reads --mount type=…,… (docker's and podman's long form). Without a type it is a
// volume. Of a glob, the Source is its pattern, and the Destination "" where none was said.
func Parse(value, cwd string) (specs.Mount, error) {
	if err := parse.NoNUL(value); err != nil {
		return specs.Mount{}, err
	}
	f, err := splitMount(value)
	if err != nil {
		return specs.Mount{}, err
	}
	if f.destination == "" && f.kind != spec.TypeGlob {
		return specs.Mount{}, parse.Invalid(value, "dst= is missing")
	}
	destination := f.destination
	if destination != "" {
		if destination, err = parse.Path(value, f.destination); err != nil {
			return specs.Mount{}, err
		}
	}
	switch f.kind {
	case "tmpfs", "ramfs":
		return memoryMount(value, destination, f)
	case "devpts":
		return specs.Mount{
			Type: "devpts", Source: "devpts", Destination: destination,
			Options: append([]string{"rprivate", "nosuid", "noexec", "newinstance"}, f.params...),
		}, nil
	case spec.TypeVolume:
		if f.source != "" && isHostPath(f.source) {
			return specs.Mount{}, parse.Invalid(value, "src=%s: of type=volume it is a name; a directory of the host is type=bind", f.source)
		}
		return volumeMount(value, f.source, destination, append(f.options, f.params...))
	}
	if f.source == "" {
		return specs.Mount{}, parse.Invalid(value, "src= is missing")
	}
	if f.kind == spec.TypeImage {
		return imageMount(f, destination), nil
	}
	return f.directory(value, cwd, destination)
}

// directory is a bind mount, or several for a pattern.
func (f *mountFields) directory(value, cwd, destination string) (specs.Mount, error) {
	if strings.HasPrefix(f.source, "~") {
		return specs.Mount{}, parse.Invalid(value, "%q was not expanded by the shell: write $HOME", f.source)
	}
	m, err := bindMount(value, hostPath(f.source, cwd), destination, f.options)
	if err != nil {
		return specs.Mount{}, err
	}
	if err := f.readOnlyBelow(value, &m); err != nil {
		return specs.Mount{}, err
	}
	if f.copyLink {
		m.Options = append(m.Options, spec.OptCopyLink)
	}
	if f.kind == spec.TypeGlob {
		m.Type = spec.TypeGlob
		if _, err := filepath.Match(f.source, ""); err != nil {
			return specs.Mount{}, parse.Invalid(value, "src=%s: %w", f.source, err)
		}
	}
	return m, nil
}

// readOnlyBelow carries docker's bind-recursive out.
func (f *mountFields) readOnlyBelow(value string, m *specs.Mount) error {
	at := slices.Index(m.Options, "ro")
	if at < 0 && (f.recursive == "writable" || f.recursive == "readonly") {
		return parse.Invalid(value, "bind-recursive=%s: it belongs to ro", f.recursive)
	}
	switch f.recursive {
	case "writable":
		m.Options[at] = spec.OptReadOnlyTop
	case "readonly":
		m.Options[at] = spec.OptReadOnlyAll
	}
	return nil
}

// imageMount shows an image: as in podman it is read-only unless rw is said.
func imageMount(f *mountFields, destination string) specs.Mount {
	options := []string{"rprivate", "nosuid", "nodev"}
	if !slices.Contains(f.options, "rw") {
		options = append(options, "ro")
	}
	return specs.Mount{Type: spec.TypeImage, Source: f.source, Destination: destination, Options: append(options, f.params...)}
}

// splitMount reads the fields; a field can be quoted as in CSV, since a path can hold a comma.
func splitMount(value string) (*mountFields, error) {
	reader := csv.NewReader(strings.NewReader(value))
	record, err := reader.Read()
	if err != nil {
		return nil, parse.Invalid(value, "want type=bind,src=…,dst=… (%v)", err)
	}
	if _, err := reader.Read(); err == nil {
		return nil, parse.Invalid(value, "it has more than one line")
	}
	f, err := typeOfMount(value, record)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, field := range record {
		key, val, hasValue := strings.Cut(field, "=")
		key = mountKey(key)
		if seen[key] && key != "volume-label" && key != "volume-opt" {
			return nil, parse.Invalid(value, "%q is there twice", key)
		}
		seen[key] = true
		if key == "type" {
			continue
		}
		if key == "idmap" {
			return nil, checkOptions(value, []string{"idmap"})
		}
		if key != "dst" && !slices.Contains(strings.Fields(mountKeys(f.kind)), key) {
			return nil, f.unknown(value, key)
		}
		if err := f.set(value, key, val, hasValue); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// unknown says what is wrong with a field that the type has not.
func (f *mountFields) unknown(value, key string) error {
	for _, kind := range Types() {
		if slices.Contains(strings.Fields(mountKeys(kind)), key) {
			return parse.Invalid(value, "%q is of type=%s, not of type=%s", key, kind, f.kind)
		}
	}
	return parse.Invalid(value, "unknown field %q: type=%s takes dst%s", key, f.kind, mountKeys(f.kind))
}

// typeOfMount is what type= says, wherever it is.
func typeOfMount(value string, record []string) (*mountFields, error) {
	f := &mountFields{kind: spec.TypeVolume} // docker's default
	for _, field := range record {
		if kind, ok := strings.CutPrefix(field, "type="); ok {
			f.kind = kind
		}
	}
	switch f.kind {
	case "":
		return nil, parse.Invalid(value, "type= has no value")
	case "artifact", "npipe", "cluster":
		return nil, parse.Unsupported(value, "type=%s: rc has no such mounts; want one of %s", f.kind, strings.Join(Types(), " "))
	}
	if !slices.Contains(Types(), f.kind) {
		return nil, parse.Invalid(value, "unknown type %q: want one of %s%s", f.kind, strings.Join(Types(), " "), spec.Meant(f.kind, Types()))
	}
	return f, nil
}

// mountKey folds synonyms.
func mountKey(key string) string {
	switch key {
	case "source":
		return "src"
	case "destination", "target":
		return "dst"
	case "readonly":
		return "ro"
	case "readwrite":
		return "rw"
	case "chown":
		return spec.OptChown
	case "volume-subpath", "image-subpath":
		return "subpath"
	case "volume-nocopy":
		return spec.OptNoCopy
	default:
		return key
	}
}

func (f *mountFields) set(value, key, val string, hasValue bool) error {
	if val == "" && slices.Contains([]string{"src", "dst", "subpath", "tmpfs-size", "tmpfs-mode", "volume-label", "volume-opt"}, key) {
		return parse.Invalid(value, "%s= has no value", key)
	}
	switch key {
	case "src":
		f.source = val
	case "dst":
		f.destination = val
	case "subpath":
		return f.setSubpath(value, val)
	case "volume-label", "volume-opt":
		if name, _, _ := strings.Cut(val, "="); name == "" {
			return parse.Invalid(value, "%s=%s: want KEY=VALUE", key, val)
		}
		f.params = append(f.params, key+"="+val)
	case "volume-driver":
		if val != spec.DriverLocal {
			return parse.Unsupported(value, "volume-driver=%s: rc has the driver local only, and no plugins", val)
		}
	case "tmpfs-size":
		f.options = append(f.options, "size="+val)
	case "tmpfs-mode":
		f.options = append(f.options, "mode="+val)
	case "bind-propagation":
		if optionGroup(val) != "propagation" {
			return parse.Invalid(value, "bind-propagation=%s: want private, rprivate, shared, rshared, slave, rslave, unbindable or runbindable", val)
		}
		f.options = append(f.options, val)
	case "bind-recursive":
		return f.setRecursive(value, val)
	case "relabel":
		if val != "shared" && val != "private" {
			return parse.Invalid(value, "relabel=%s: want shared or private", val)
		}
	case "uid", "gid", "mode", "max":
		return f.setDevpts(value, key, val)
	case "consistency": // docker's, for Docker Desktop; says nothing on Linux
	default:
		return f.setFlag(value, key, val, hasValue)
	}
	return nil
}

// setSubpath takes what lies in the volume or image: nothing that leads out of it.
func (f *mountFields) setSubpath(value, val string) error {
	clean := filepath.Clean(val)
	if filepath.IsAbs(val) && f.kind == spec.TypeImage {
		clean = filepath.Clean(strings.TrimLeft(val, "/"))
	}
	if !filepath.IsLocal(clean) {
		return parse.Invalid(value, "subpath=%s: want a path in the %s, without .. and without / before it", val, f.kind)
	}
	if clean != "." {
		f.params = append(f.params, spec.OptSubpath+clean)
	}
	return nil
}

func (f *mountFields) setRecursive(value, val string) error {
	switch val {
	case "enabled", "true", "1":
	case "disabled", "false", "0":
		f.options = append(f.options, "bind")
	case "writable", "readonly":
		f.recursive = val
	default:
		return parse.Invalid(value, "bind-recursive=%s: want enabled, disabled, writable or readonly", val)
	}
	return nil
}

func (f *mountFields) setDevpts(value, key, val string) error {
	base := 10
	if key == "mode" {
		base = 8
	}
	if _, err := strconv.ParseUint(val, base, 31); err != nil {
		return parse.Invalid(value, "%s=%s: want a number", key, val)
	}
	f.params = append(f.params, key+"="+val)
	return nil
}

// setFlag takes a field that is there or not, or says true or false.
func (f *mountFields) setFlag(value, key, val string, hasValue bool) error {
	no := map[string]string{
		"bind-nonrecursive": "rbind", "ro": "rw", "rw": "ro", "exec": "noexec", "suid": "nosuid", "dev": "nodev",
	}[key]
	yes := key
	if key == "bind-nonrecursive" {
		yes = "bind"
	}
	on := true
	if hasValue {
		var err error
		if on, err = strconv.ParseBool(val); err != nil {
			return parse.Invalid(value, "%s=%s: want true or false", key, val)
		}
	}
	switch {
	case key == "no-dereference":
		f.copyLink = on
	case on:
		f.options = append(f.options, yes)
	case no != "":
		f.options = append(f.options, no)
	}
	return nil
}

// memoryMount turns the fields of type=tmpfs and type=ramfs into a mount.
func memoryMount(value, destination string, f *mountFields) (specs.Mount, error) {
	if f.source != "" && f.source != f.kind {
		return specs.Mount{}, parse.Invalid(value, "a %s has no src=", f.kind)
	}
	m, err := newTmpfs(value, destination, f.options)
	m.Type, m.Source = f.kind, f.kind
	return m, err
}
