package records

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// Filters are parsed --filter flags: of one key any must match, but labels all; of
// different keys all must match. The zero value matches everything.
type Filters struct {
	any map[string][]test
	all []test
}

type test func(state.Entry) bool

// FilterKeys are the filters that there are.
func FilterKeys() []string {
	return []string{
		"ancestor", "before", "command", "exited", "expose", "health", "id", "label", "label!", "name", "network", "publish", "restart-policy",
		"should-start-on-boot", "since", "status", "until", "volume",
	}
}

// Statuses are the values of the filter status; stopped is podman's word for the moment before
// exited.
func Statuses() []string {
	return []string{
		state.Created, state.Exited, state.Initialized, state.Paused, state.Restarting, state.Running, "stopped",
	}
}

// HealthStatuses are the values of the filter health; none is for containers without a check.
func HealthStatuses() []string {
	return []string{spec.Healthy, spec.Unhealthy, spec.HealthStarting, spec.HealthStopped, "none"}
}

// ParseFilters reads --filter KEY=VALUE. before and since name containers, which have to be there.
func ParseFilters(root state.Root, texts []string) (Filters, error) {
	f := Filters{any: map[string][]test{}}
	for _, text := range texts {
		if strings.HasPrefix(text, "pod=") {
			return Filters{}, errs.Unsupportedf("--filter %q: pods are not supported yet", text)
		}
		key, value, err := spec.SplitFilter(text, FilterKeys())
		if err != nil {
			return Filters{}, err
		}
		t, err := parseFilter(root, key, value)
		if err != nil {
			return Filters{}, fmt.Errorf("--filter %q: %w", text, err)
		}
		if strings.HasPrefix(key, "label") {
			f.all = append(f.all, t)
		} else {
			f.any[key] = append(f.any[key], t)
		}
	}
	return f, nil
}

// chooseStatus says whether the filters themselves say which states to list.
func (f Filters) chooseStatus() bool { return len(f.any["status"]) > 0 || len(f.any["exited"]) > 0 }

func (f Filters) match(e state.Entry) bool {
	for _, tests := range f.any {
		if !slices.ContainsFunc(tests, func(t test) bool { return t(e) }) {
			return false
		}
	}
	for _, t := range f.all {
		if !t(e) {
			return false
		}
	}
	return true
}

func parseFilter(root state.Root, key, value string) (test, error) {
	switch key {
	case "id":
		return func(e state.Entry) bool { return strings.HasPrefix(e.ID, value) }, nil
	case "name":
		re, err := regexp.Compile(value)
		if err != nil {
			return nil, errs.Invalidf("want a name or a regular expression: %w", err)
		}
		return func(e state.Entry) bool { return re.MatchString(e.Name) }, nil
	case "label":
		return labelTest(value), nil
	case "label!":
		has := labelTest(value)
		return func(e state.Entry) bool { return !has(e) }, nil
	case "status":
		if err := oneOf(value, Statuses()); err != nil {
			return nil, err
		}
		if value == "stopped" {
			value = state.Exited
		}
		return func(e state.Entry) bool { return e.Status == value }, nil
	case "health":
		return func(e state.Entry) bool { return HealthText(e) == value || value == "none" && HealthText(e) == "" }, oneOf(value, HealthStatuses())
	case "restart-policy":
		return func(e state.Entry) bool { return cmp.Or(e.Restart, "no") == value }, oneOf(value, spec.RestartPolicies())
	case "should-start-on-boot": // podman's: what rc-restart.service starts
		return func(e state.Entry) bool { return startsOnBoot(e) == (value == "true") }, oneOf(value, []string{"true", "false"})
	case "command":
		return func(e state.Entry) bool { return len(e.Command) > 0 && e.Command[0] == value }, nil
	case "exited":
		code, err := strconv.Atoi(value)
		if err != nil || code < 0 || code > 255 {
			return nil, errs.Invalidf("want an exit code, 0 to 255")
		}
		return func(e state.Entry) bool { return e.Status == state.Exited && e.Exit != nil && e.Exit.Code == code }, nil
	case "ancestor":
		return func(e state.Entry) bool { return isImage(e.Image, e.ImageID, value) }, nil
	case "network":
		return func(e state.Entry) bool { return slices.Contains(strings.Split(e.Network, ","), value) }, nil
	case "expose", "publish":
		return portTest(value, key == "expose")
	case "volume":
		return func(e state.Entry) bool {
			return slices.Contains(e.Volumes, value) || slices.Contains(e.Mounts, strings.TrimSuffix(value, "/"))
		}, nil
	case "before", "since":
		other, err := root.Find(value)
		if err != nil {
			return nil, err
		}
		if key == "before" {
			return func(e state.Entry) bool { return e.Created.Before(other.Created) }, nil
		}
		return func(e state.Entry) bool { return e.Created.After(other.Created) }, nil
	case "until":
		t, err := ParseTime(value)
		if err != nil {
			return nil, err
		}
		return func(e state.Entry) bool { return e.Created.Before(t) }, nil
	}
	return nil, errs.Invalidf("no test for %q", key)
}

// portTest is docker's: a port of the container, or a range of them, as 80, 80/udp or 8000-8080/tcp, that is
// published, or, with exposed, that the image or the user has named at all.
func portTest(value string, exposed bool) (test, error) {
	numbers, protocol, _ := strings.Cut(value, "/")
	if protocol == "" {
		protocol = "tcp"
	}
	from, to, isRange := strings.Cut(numbers, "-")
	if !isRange {
		to = from
	}
	first, err := strconv.ParseUint(from, 10, 16)
	last, err2 := strconv.ParseUint(to, 10, 16)
	if err != nil || err2 != nil || first == 0 || first > last {
		return nil, errs.Invalidf("want a port as 80, 80/udp or 8000-8080/tcp")
	}
	return func(e state.Entry) bool {
		for n := first; n <= last; n++ {
			port := strconv.FormatUint(n, 10) + "/" + protocol
			if HasPort(e.Ports, port) || exposed && slices.Contains(e.Expose, port) {
				return true
			}
		}
		return false
	}, nil
}

// startsOnBoot says whether a container's restart policy brings it back after a boot.
func startsOnBoot(e state.Entry) bool {
	switch e.Restart {
	case spec.RestartAlways:
		return true
	case spec.RestartUnlessStopped:
		return e.Exit == nil || !e.Exit.Stopped
	}
	return false
}

func oneOf(value string, words []string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return errs.Invalidf("want one of %s%s", strings.Join(words, ", "), spec.Meant(value, words))
}

// labelTest is of KEY, or KEY=VALUE.
func labelTest(value string) test {
	key, want, withValue := strings.Cut(value, "=")
	return func(e state.Entry) bool {
		got, ok := e.Labels[key]
		return ok && (!withValue || got == want)
	}
}

// isImage says whether an image is what a user calls it: by id or its beginning, by name,
// with or without registry and tag.
func isImage(name, id, asked string) bool {
	if hex := strings.TrimPrefix(asked, "sha256:"); len(hex) >= 3 && strings.HasPrefix(id, hex) {
		return true
	}
	if asked == "" || name == "" {
		return false
	}
	names := []string{name}
	if bare := strings.LastIndexByte(name, ':'); bare > strings.LastIndexByte(name, '/') {
		names = append(names, name[:bare])
	}
	return slices.ContainsFunc(names, func(n string) bool { return n == asked || strings.HasSuffix(n, "/"+asked) })
}

// ParseTime reads a time, or how long ago it was.
func ParseTime(value string) (time.Time, error) {
	if d, err := time.ParseDuration(value); err == nil {
		return time.Now().Add(-d), nil
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.Unix(n, 0), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, value, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errs.Invalidf("want a duration (10m, 1h30m), a Unix time, or a date (2006-01-02T15:04:05)")
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
