package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// Setting is one that rc heeds, and where it comes from.
type Setting struct {
	// Key is as files have it, with its tables: engine.cgroup_manager.
	Key string `json:"key"`
	// Value is "" where nobody has given one, and rc's own default is not one value.
	Value string `json:"value"`
	// Origin is FILE:LINE, a variable ($NAME), a flag, or "default".
	Origin string `json:"origin"`
}

// Default is the origin of what nobody has set.
const Default = "default"

// Origins are all settings of containers.conf, storage.conf and registries.conf that rc heeds, and its
// directories. c is what Load made of the same flags.
func (c *Config) Origins(flags Flags) []Setting { return c.origins(flags, realHost()) }

func (c *Config) origins(flags Flags, h host) []Setting {
	list := c.directories(flags, h)
	list = append(list, containersSettings(flags, h)...)
	storage := Setting{"storage.options.overlay.mount_program", c.MountProgram, Default}
	for _, path := range storageFiles(h) {
		if lines, err := keyLines(path); err == nil {
			storage.Origin = cmp.Or(lines[storage.Key], lines["storage.options.mount_program"], Default)
			break
		}
	}
	search := Setting{"unqualified-search-registries", text(reflect.ValueOf(searchRegistries(h))), Default}
	for _, path := range registriesFiles(h) {
		if lines, err := keyLines(path); err == nil && lines[search.Key] != "" {
			search.Origin = lines[search.Key]
		}
	}
	list = append(list, storage, search)
	for i := range list {
		list[i].decided(c, flags)
	}
	return list
}

// decided lays over a setting what flags say, and gives it the value that counts where files have none.
func (s *Setting) decided(c *Config, flags Flags) {
	by := func(flag string, given bool, value string) {
		if given {
			s.Origin = flag
		}
		s.Value = value
	}
	switch s.Key {
	case "engine.cgroup_manager":
		by("--cgroup-manager", flags.CgroupManager != "", c.CgroupManager)
	case "engine.cdi_spec_dirs":
		by("--cdi-spec-dir", len(flags.CDISpecDirs) > 0, text(reflect.ValueOf(c.CDISpecDirs)))
	case "engine.hooks_dir":
		by("--hooks-dir", len(flags.HooksDirs) > 0, text(reflect.ValueOf(c.HooksDirs)))
	case "storage.options.overlay.mount_program":
		by("--storage-opt", len(flags.StorageOpts) > 0, c.MountProgram)
	}
}

// directories are settings that no file has.
func (c *Config) directories(flags Flags, h host) []Setting {
	from := func(flag string, given bool, variable string) string {
		switch {
		case given:
			return flag
		case filepath.IsAbs(h.getenv(variable)):
			return "$" + variable
		}
		return Default
	}
	level := from("--log-level", flags.LogLevel != "", "")
	if flags.Debug {
		level = "--debug"
	}
	return []Setting{
		{"root", c.DataRoot, from("--root", flags.Root != "", "XDG_DATA_HOME")},
		{"runroot", c.RunRoot, from("--runroot", flags.RunRoot != "", "XDG_RUNTIME_DIR")},
		{"tmpdir", c.TmpDir, from("--tmpdir", flags.TmpDir != "", "TMPDIR")},
		{"log_level", c.LogLevel, level},
	}
}

// containersSettings are those of containers.conf. A file that cannot be read says nothing: Load has
// complained.
func containersSettings(flags Flags, h host) []Setting {
	var conf containersConf
	origins := map[string]string{}
	modules, _ := h.modules(flags.Modules)
	for _, path := range containersFiles(h, modules) {
		lines, err := keyLines(path)
		if err != nil || (&Config{}).decode(path, &conf) != nil {
			continue
		}
		maps.Copy(origins, lines)
	}
	var list []Setting
	tables := reflect.ValueOf(conf)
	for i := range tables.NumField() {
		table := tables.Field(i)
		for j := range table.NumField() {
			key := tables.Type().Field(i).Tag.Get("toml") + "." + table.Type().Field(j).Tag.Get("toml")
			s := Setting{Key: key, Origin: cmp.Or(origins[key], Default)}
			if s.Origin != Default {
				s.Value = text(table.Field(j))
			}
			list = append(list, s)
		}
	}
	return list
}

// text is a value in one line: strings as they are, the rest as JSON.
func text(v reflect.Value) string {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() == reflect.String {
		return v.String()
	}
	data, err := json.Marshal(v.Interface())
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

// keyLines are the keys of a TOML file, with their tables, and FILE:LINE of each. What is an array over
// several lines is where it begins.
func keyLines(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	table, number, open := "", 0, ""
	for line := range bytes.Lines(withoutComments(data)) {
		number++
		text := strings.TrimSpace(string(line))
		if open != "" { // within a string of several lines
			if strings.Contains(text, open) {
				open = ""
			}
			continue
		}
		if name, ok := strings.CutPrefix(text, "["); ok && !strings.Contains(text, "=") {
			table = strings.Trim(strings.TrimSpace(strings.TrimLeft(strings.SplitN(name, "]", 2)[0], "[")), `"`) + "."
			if strings.HasPrefix(text, "[[") { // an element of an array is a key itself
				found[strings.TrimSuffix(table, ".")] = fmt.Sprintf("%s:%d", path, number)
			}
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok || strings.ContainsAny(key, `{,"'[`) {
			continue
		}
		for _, quote := range []string{`"""`, "'''"} {
			if strings.Count(value, quote) == 1 {
				open = quote
			}
		}
		found[table+strings.TrimSpace(key)] = fmt.Sprintf("%s:%d", path, number)
	}
	return found, nil
}
