package bridge

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/spec"

	"github.com/rc-containers/rc/pkg/errs"
)

// Filter is what --filter has asked for: of one key any must match, of different keys all.
type Filter map[string][]func(*Listed) bool

// Listed is a network with the number of containers that are on record for it.
type Listed struct {
	Network

	Users int
	// Builtin says that it is the default network, which is there by itself.
	Builtin bool
}

// FilterKeys are those of network ls; prune takes label, label! and until.
func FilterKeys() []string {
	return []string{"dangling", "driver", "id", "label", "label!", "name", "scope", "type", "until"}
}

// PruneKeys are those of network prune.
func PruneKeys() []string { return []string{"label", "label!", "until"} }

// ParseFilter reads KEY=VALUE; keys are those that are taken. when reads a time.
func ParseFilter(texts, keys []string, when func(string) (time.Time, error)) (Filter, error) {
	f := Filter{}
	for _, text := range texts {
		key, value, err := spec.SplitFilter(text, keys)
		if err != nil {
			return nil, err
		}
		test, err := parseTest(key, value, when)
		if err != nil {
			return nil, errs.Invalidf("--filter %q: %w", text, err)
		}
		if strings.HasPrefix(key, "label") {
			key += value // all labels must match
		}
		f[key] = append(f[key], test)
	}
	return f, nil
}

func parseTest(key, value string, when func(string) (time.Time, error)) (func(*Listed) bool, error) {
	switch key {
	case "name":
		re, err := regexp.Compile(value)
		if err != nil {
			return nil, errs.Invalidf("want a name or a regular expression: %w", err)
		}
		return func(l *Listed) bool { return re.MatchString(l.Name) }, nil
	case "id":
		return func(l *Listed) bool { return strings.HasPrefix(l.ID, value) }, nil
	case "driver":
		return func(l *Listed) bool { return l.Driver == value }, nil
	case "label":
		return func(l *Listed) bool { return l.matches(value) }, nil
	case "label!":
		return func(l *Listed) bool { return !l.matches(value) }, nil
	case "scope": // docker's: all are local
		return func(*Listed) bool { return value == "local" }, nil
	case "type":
		if value != "builtin" && value != "custom" {
			return nil, errs.Invalidf("want builtin or custom")
		}
		return func(l *Listed) bool { return l.Builtin == (value == "builtin") }, nil
	case "dangling":
		if value != "true" && value != "false" {
			return nil, errs.Invalidf("want true or false")
		}
		return func(l *Listed) bool { return (l.Users == 0) == (value == "true") }, nil
	}
	t, err := when(value)
	return func(l *Listed) bool { return l.Created.Before(t) }, err
}

// Match says whether a network fits.
func (f Filter) Match(l *Listed) bool {
	for _, tests := range f {
		if !slices.ContainsFunc(tests, func(test func(*Listed) bool) bool { return test(l) }) {
			return false
		}
	}
	return true
}
