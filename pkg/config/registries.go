package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// registriesConf is containers-registries.conf(5), as far as info shows it.
type registriesConf struct {
	Search *list `toml:"unqualified-search-registries"`
}

// SearchRegistries are where images with short names are looked for, docker.io where no
// file says. A file that cannot be read counts as none: this is for show, and the pull
// that needs it says what is wrong.
func (c *Config) SearchRegistries() []string {
	return searchRegistries(host{getenv: os.Getenv, uid: os.Getuid(), etc: "/etc/containers"})
}

// RegistriesFiles are the registries.conf that are read, weakest first, and what is wrong with them.
func RegistriesFiles() (files []string, problems []error) {
	files = registriesFiles(host{getenv: os.Getenv, uid: os.Getuid(), etc: "/etc/containers"})
	for _, path := range files {
		if err := (&Config{}).decode(path, &registriesConf{}); err != nil {
			problems = append(problems, err)
		}
	}
	return files, problems
}

func searchRegistries(h host) []string {
	search := []string{"docker.io"}
	for _, path := range registriesFiles(h) {
		var conf registriesConf
		if (&Config{}).decode(path, &conf) == nil && conf.Search != nil {
			search = *conf.Search
		}
	}
	return search
}

func registriesFiles(h host) []string {
	dirs := []string{h.etc}
	if home := h.configHome(); home != "" {
		dirs = []string{home, h.etc}
	}
	var files []string
	for _, dir := range dirs {
		path := filepath.Join(dir, "registries.conf")
		if _, err := os.Stat(path); err == nil {
			files = append(files, path)
			break
		}
	}
	if path := h.getenv("CONTAINERS_REGISTRIES_CONF"); path != "" {
		files = []string{path}
	}
	for _, dir := range slices.Backward(dirs) {
		entries, err := os.ReadDir(filepath.Join(dir, "registries.conf.d"))
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if strings.HasSuffix(entry.Name(), ".conf") {
				files = append(files, filepath.Join(dir, "registries.conf.d", entry.Name()))
			}
		}
	}
	return files
}
