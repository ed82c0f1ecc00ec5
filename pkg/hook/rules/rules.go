package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
)

// file is one *.json of hooks.d.
type file struct {
	Version string     `json:"version"`
	Hook    specs.Hook `json:"hook"`
	When    when       `json:"when"`
	Stages  []string   `json:"stages"`
}

// when are conditions, all of which must hold, and one of which there must be.
type when struct {
	Always        *bool             `json:"always"`
	Annotations   map[string]string `json:"annotations"` // patterns of keys and values
	Commands      []string          `json:"commands"`    // patterns of the first argument
	HasBindMounts *bool             `json:"hasBindMounts"`
}

// Add adds to a runtime description the hooks of directories that are for it. Of files with one
// name that of the later directory counts; they run in the order of their names. A directory that
// is not there has no hooks.
func Add(spec *specs.Spec, dirs []string, hasBindMounts bool) error {
	paths := map[string]string{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("hooks: %w", err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".json") {
				paths[e.Name()] = filepath.Join(dir, e.Name())
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		if err := addFile(spec, paths[name], hasBindMounts); err != nil {
			return errs.WithHint(fmt.Errorf("hook %q: %w", paths[name], err), "mend the file; --hooks-dir DIRECTORY takes other ones")
		}
	}
	return nil
}

func addFile(spec *specs.Spec, path string, hasBindMounts bool) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return errors.Unwrap(err)
	}
	f, err := parse(data)
	if err != nil {
		return err
	}
	matches, err := f.When.match(spec, hasBindMounts)
	if err != nil || !matches {
		return err
	}
	if spec.Hooks == nil {
		spec.Hooks = &specs.Hooks{}
	}
	for _, stage := range f.Stages {
		to := List(spec.Hooks, stage)
		*to = append(*to, f.Hook)
	}
	return nil
}

// parse reads and checks a file.
func parse(data []byte) (*file, error) {
	f := &file{}
	if err := json.Unmarshal(data, f); err != nil {
		return nil, err
	}
	if f.Version != "1.0.0" {
		return nil, errs.Unsupportedf("version %q: want 1.0.0", f.Version)
	}
	if !filepath.IsAbs(f.Hook.Path) {
		return nil, errs.Invalidf("hook.path %q: not an absolute path", f.Hook.Path)
	}
	if _, err := os.Stat(f.Hook.Path); err != nil {
		return nil, fmt.Errorf("hook.path %q: %w", f.Hook.Path, errors.Unwrap(err))
	}
	if f.Hook.Timeout != nil && *f.Hook.Timeout <= 0 {
		return nil, errs.Invalidf("hook.timeout %d: want more than 0 seconds", *f.Hook.Timeout)
	}
	if len(f.Stages) == 0 {
		return nil, errs.Invalidf("stages: there is none")
	}
	for _, stage := range f.Stages {
		if List(&specs.Hooks{}, stage) == nil {
			return nil, errs.Unsupportedf("stages: %q: want prestart, createRuntime, createContainer, startContainer, poststart or poststop", stage)
		}
	}
	w := &f.When
	if w.Always == nil && w.HasBindMounts == nil && len(w.Annotations)+len(w.Commands) == 0 {
		return nil, errs.Invalidf("when: there is no condition")
	}
	patterns := slices.Clone(w.Commands)
	for key, value := range w.Annotations {
		patterns = append(patterns, key, value)
	}
	for _, pattern := range patterns {
		if _, err := regexp.Compile(pattern); err != nil {
			return nil, errs.Invalidf("when: %q: %w", pattern, err)
		}
	}
	return f, nil
}

// List are the hooks of a stage; nil for what is none.
func List(hooks *specs.Hooks, stage string) *[]specs.Hook {
	switch stage {
	case "prestart":
		return &hooks.Prestart //nolint:staticcheck // deprecated, and in use
	case "createRuntime":
		return &hooks.CreateRuntime
	case "createContainer":
		return &hooks.CreateContainer
	case "startContainer":
		return &hooks.StartContainer
	case "poststart":
		return &hooks.Poststart
	case "poststop":
		return &hooks.Poststop
	}
	return nil
}

// match says whether all conditions hold.
func (w *when) match(spec *specs.Spec, hasBindMounts bool) (bool, error) {
	if w.Always != nil && !*w.Always || w.HasBindMounts != nil && *w.HasBindMounts != hasBindMounts {
		return false, nil
	}
	for key, value := range w.Annotations {
		found := false
		for k, v := range spec.Annotations {
			keyMatches, err := regexp.MatchString(key, k)
			if err != nil {
				return false, err
			}
			valueMatches, err := regexp.MatchString(value, v)
			if err != nil {
				return false, err
			}
			found = found || keyMatches && valueMatches
		}
		if !found {
			return false, nil
		}
	}
	if len(w.Commands) == 0 {
		return true, nil
	}
	if spec.Process == nil || len(spec.Process.Args) == 0 {
		return false, nil
	}
	for _, pattern := range w.Commands {
		if matches, err := regexp.MatchString(pattern, spec.Process.Args[0]); matches || err != nil {
			return matches, err
		}
	}
	return false, nil
}
