package machine

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// patience is how long a program may take to tell its version.
const patience = time.Second

// Program is a program that rc calls; an empty Path is one that is not installed.
type Program struct {
	Name    string `json:"name,omitempty"`
	Path    string `json:"path"`
	Version string `json:"version"`
}

// FindProgram looks in PATH, then in dirs; "" is nowhere.
func FindProgram(dirs []string, name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range dirs {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// StartVersions asks programs for their versions, all at once; the result waits for them.
func StartVersions(ctx context.Context, dirs []string, names ...string) func() map[string]Program {
	found := make([]Program, len(names))
	var wait sync.WaitGroup
	for i, name := range names {
		wait.Go(func() { found[i] = programVersion(ctx, FindProgram(dirs, name), name) })
	}
	return func() map[string]Program {
		wait.Wait()
		out := map[string]Program{}
		for i, name := range names {
			out[name] = found[i]
		}
		return out
	}
}

// programVersion is the first line that NAME --version prints, or the first with its name: fuse-overlayfs
// prints its library's version before its own.
func programVersion(ctx context.Context, path, name string) Program {
	if path == "" {
		return Program{Name: name}
	}
	info := Program{Name: name, Path: path}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.WaitDelay = patience / 10 // a grandchild may hold the pipe open
	out, err := cmd.CombinedOutput()
	if err != nil {
		info.Version = "unknown: " + err.Error()
		return info
	}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, name) {
			info.Version = line
			break
		}
		if info.Version == "" {
			info.Version = line
		}
	}
	return info
}
