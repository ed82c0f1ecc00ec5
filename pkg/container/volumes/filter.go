package volumes

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/spec"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
)

// Filters are parsed --filter flags: of one key any must match, but labels all; of different
// keys all must match. The zero value matches everything.
type Filters struct {
	any   map[string][]test
	all   []test
	users bool
}

type test func(*Entry) bool

// FilterKeys are the filters of a list.
func FilterKeys() []string {
	return []string{"after", "anonymous", "dangling", "driver", "label", "label!", "name", "opt", "scope", "since", "until"}
}

// PruneFilterKeys are those of a prune, which knows by itself what is dangling.
func PruneFilterKeys() []string {
	return []string{"after", "anonymous", "driver", "label", "label!", "name", "opt", "scope", "since", "until"}
}

// NeedUsers says whether the filters ask who uses a volume.
func (f Filters) NeedUsers() bool { return f.users }

// ParseFilters reads KEY=VALUE, KEY one of keys. since and after name volumes, which have to
// be there.
func ParseFilters(cfg *config.Config, keys, texts []string) (Filters, error) {
	f := Filters{any: map[string][]test{}}
	for _, text := range texts {
		key, value, err := spec.SplitFilter(text, keys)
		if err != nil {
			return Filters{}, err
		}
		t, err := parseFilter(cfg, key, value)
		if err != nil {
			return Filters{}, fmt.Errorf("--filter %q: %w", text, err)
		}
		f.users = f.users || key == "dangling"
		if strings.HasPrefix(key, "label") {
			f.all = append(f.all, t)
		} else {
			f.any[key] = append(f.any[key], t)
		}
	}
	return f, nil
}

func (f Filters) match(e *Entry) bool {
	for _, tests := range f.any {
		if !slices.ContainsFunc(tests, func(t test) bool { return t(e) }) {
			return false
		}
	}
	return !slices.ContainsFunc(f.all, func(t test) bool { return !t(e) })
}

func parseFilter(cfg *config.Config, key, value string) (test, error) {
	switch key {
	case "name":
		re, err := regexp.Compile(value)
		if err != nil {
			return nil, errs.Invalidf("want a name or a regular expression: %w", err)
		}
		return func(e *Entry) bool { return re.MatchString(e.Name) }, nil
	case "label":
		return pairTest(value, func(e *Entry) map[string]string { return e.Labels }), nil
	case "label!":
		has := pairTest(value, func(e *Entry) map[string]string { return e.Labels })
		return func(e *Entry) bool { return !has(e) }, nil
	case "opt":
		return pairTest(value, func(e *Entry) map[string]string { return e.Options }), nil
	case "driver":
		return func(e *Entry) bool { return e.Driver == value }, nil
	case "scope":
		return func(*Entry) bool { return value == Scope }, nil
	case "dangling", "anonymous":
		want, err := strconv.ParseBool(value)
		if err != nil {
			return nil, errs.Invalidf("want true or false")
		}
		if key == "anonymous" {
			return func(e *Entry) bool { return e.Anonymous == want }, nil
		}
		return func(e *Entry) bool { return (len(e.Users) == 0) == want }, nil
	case "until":
		t, err := records.ParseTime(value)
		if err != nil {
			return nil, err
		}
		return func(e *Entry) bool { return e.Created.Before(t) }, nil
	}
	// since, after
	other, err := records.Volumes(cfg).Load(value)
	if err != nil {
		return nil, err
	}
	return func(e *Entry) bool { return e.Created.After(other.Created) }, nil
}

// Scope is that of all volumes: docker's word for what one machine has.
const Scope = "local"

// pairTest is of KEY, or KEY=VALUE.
func pairTest(value string, of func(*Entry) map[string]string) test {
	key, want, withValue := strings.Cut(value, "=")
	return func(e *Entry) bool {
		got, ok := of(e)[key]
		return ok && (!withValue || got == want)
	}
}
