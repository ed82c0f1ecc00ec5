package events

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"

	"github.com/rc-containers/rc/pkg/errs"
)

// FilterKeys are the filters that there are.
func FilterKeys() []string {
	return []string{"container", "event", "image", "label", "network", "pod", "scope", "status", "type", "volume"}
}

// Types are what an event can be about: podman's, most of which rc has not yet.
func Types() []string {
	return []string{Container, Image, Network, "pod", Secret, System, Volume}
}

// Statuses are what can happen: podman's, and those that only docker has.
func Statuses() []string {
	return []string{
		"attach", "build", "checkpoint", "cleanup", "commit", "connect", "create", "died", "disconnect", "exec", "exec_died", "export",
		"health_status", "import", "init", "kill", "loadfromarchive", "mount", "oom", "pause", "prune", "pull", "pull-error", "push",
		"refresh", "remove", "rename", "renumber", "resize", "restart", "restore", "save", "start", "stop", "sync", "tag", "unmount", "unpause",
		"untag", "update",
	}
}

// dockers are docker's words for podman's.
func dockers(status string) string {
	switch status {
	case "die":
		return "died"
	case "destroy", "delete":
		return "remove"
	case "load":
		return "loadfromarchive"
	}
	return status
}

// ParseFilters reads --filter KEY=VALUE: of one key any must match, of different keys each.
// The result is for ReadOptions.Match.
func ParseFilters(texts []string) (func(Event) bool, error) {
	byKey := map[string][]func(Event) bool{}
	for _, text := range texts {
		key, value, err := spec.SplitFilter(lowerKey(text), FilterKeys())
		if err != nil {
			return nil, err
		}
		match, err := parseFilter(key, value)
		if err != nil {
			return nil, fmt.Errorf("--filter %q: %w", text, err)
		}
		if key == "status" {
			key = "event"
		}
		byKey[key] = append(byKey[key], match)
	}
	return func(e Event) bool {
		for _, matches := range byKey {
			if !slices.ContainsFunc(matches, func(match func(Event) bool) bool { return match(e) }) {
				return false
			}
		}
		return true
	}, nil
}

func parseFilter(key, value string) (func(Event) bool, error) {
	if value == "" {
		return nil, errs.Invalidf("the value is missing")
	}
	switch key {
	case "event", "status":
		status := dockers(value)
		if !slices.Contains(Statuses(), status) {
			return nil, errs.Invalidf("want one of %s", strings.Join(Statuses(), ", "))
		}
		return func(e Event) bool { return e.Status == status }, nil
	case "type":
		if !slices.Contains(Types(), value) {
			return nil, errs.Invalidf("want one of %s", strings.Join(Types(), ", "))
		}
		return func(e Event) bool { return e.Type == value }, nil
	case "scope": // docker's: all that rc knows of is local
		return func(Event) bool { return value == "local" }, nil
	case "label":
		name, want, withValue := strings.Cut(value, "=")
		return func(e Event) bool {
			got, ok := e.Attributes[name]
			return ok && (!withValue || got == want)
		}, nil
	case "image":
		return func(e Event) bool { return e.Type == Image && (isNamed(e, value) || isImage(e.Name, value)) }, nil
	}
	// container, network, pod, volume are types.
	return func(e Event) bool { return e.Type == key && isNamed(e, value) }, nil
}

func isNamed(e Event, asked string) bool {
	return e.Name == asked || strings.HasPrefix(e.ID, strings.TrimPrefix(asked, "sha256:"))
}

// isImage says whether an image's full name is what a user calls it: without registry, or tag.
func isImage(name, asked string) bool {
	if !strings.HasSuffix("/"+name, "/"+asked) {
		bare := strings.LastIndexByte(name, ':')
		return bare > strings.LastIndexByte(name, '/') && strings.HasSuffix("/"+name[:bare], "/"+asked)
	}
	return true
}

// lowerKey is KEY=VALUE with the key in lower case: docker takes any.
func lowerKey(text string) string {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return text
	}
	return strings.ToLower(key) + "=" + value
}
