package doctor

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/config"
)

// settingsChecks are rc itself, where it keeps what runs, and what it is told.
func settingsChecks() []Check {
	return []Check{
		{
			Name: "runtime-dir", Title: "XDG_RUNTIME_DIR", Run: checkRuntimeDir,
			Why: "the state of running containers and their sockets are there: it must be yours alone, and be gone after a reboot",
		},
		{
			Name: "config", Title: "containers.conf, storage.conf and the directories that they name", Run: checkConfig,
			Why: "no verb works while they cannot be read",
		},
		{
			Name: "programs", Title: "the programs that rc is made of", Run: checkPrograms,
			Why: "rc starts rc-shim for each container, and others for images and networks; of different builds they may not understand each other",
		},
		{
			Name: "registries", Title: "registries.conf, policy.json and auth.json", Run: checkRegistries,
			Why: "pull, push and search read them",
		},
	}
}

func checkConfig(_ context.Context, h *Host) []Finding {
	if h.ConfigErr != nil {
		return []Finding{fromError(h.ConfigErr)}
	}
	if len(h.Config.Files) == 0 {
		return []Finding{ok("no file: the defaults are used")}
	}
	return []Finding{ok("read %s", strings.Join(h.Config.Files, ", "))}
}

// parts are rc's own programs.
func parts() []string { return []string{"rc-shim", "rc-image", "rc-net", "rc-bridge", "rc-cdi"} }

func checkPrograms(context.Context, *Host) []Finding {
	self, err := os.Executable()
	if err != nil {
		return []Finding{problem(err.Error())}
	}
	var out []Finding
	var dirs []string
	for _, name := range parts() {
		path, err := config.Program(name)
		if err != nil {
			out = append(out, fromError(err))
			continue
		}
		if dir := filepath.Dir(path); len(dirs) == 0 || dirs[len(dirs)-1] != dir {
			dirs = append(dirs, dir)
		}
		if mine, its := revision(self), revision(path); mine != "" && its != "" && mine != its {
			out = append(out, warning(fmt.Sprintf("%s is of another build (%.12s) than %s (%.12s)", path, its, self, mine)).
				advise("install all of rc's programs again, together"))
		}
	}
	if out == nil {
		out = append(out, ok("%s in %s", strings.Join(parts(), ", "), strings.Join(dirs, ", ")))
	}
	return out
}

// revision is the commit that a program was built from, "" where it does not say.
func revision(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

func checkRegistries(_ context.Context, h *Host) []Finding {
	files, problems := config.RegistriesFiles()
	home := h.getenv("HOME")
	// Which of them counts is package registry's to say; each that is there should be readable.
	for _, path := range []string{
		h.getenv("REGISTRY_AUTH_FILE"), h.getenv("CONTAINERS_POLICY_JSON"), "/etc/containers/policy.json", "/usr/share/containers/policy.json",
		home + "/.config/containers/policy.json", home + "/.config/containers/auth.json", home + "/.docker/config.json",
		h.getenv("XDG_RUNTIME_DIR") + "/containers/auth.json",
	} {
		if path == "" || !filepath.IsAbs(path) {
			continue
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var content map[string]any
		if err == nil && len(data) > 0 {
			err = json.Unmarshal(data, &content)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("read %q: %w", path, err))
			continue
		}
		files = append(files, path)
	}
	var out []Finding
	for _, err := range problems {
		out = append(out, problem(err.Error()).advise("correct the file, or move it away"))
	}
	if out != nil {
		return out
	}
	if len(files) == 0 {
		return []Finding{ok("no file: docker.io is searched, every image is allowed")}
	}
	return []Finding{ok("read %s", strings.Join(files, ", "))}
}
