package parse

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// LogDriver reads --log-driver.
func LogDriver(value string) (string, error) { return Choice(value, spec.LogDrivers()...) }

// LogOptions are the keys of --log-opt.
func LogOptions() []string { return []string{"max-file", "max-size", "path", "tag"} }

// mostLogFiles bounds what a rotation has to rename.
const mostLogFiles = 1000

// LogOpt reads one --log-opt KEY=VALUE into l. A relative path is taken from cwd. The tag
// stays a template until LogTag expands it.
func LogOpt(l *spec.Log, value, cwd string) error {
	key, text, found := strings.Cut(value, "=")
	if !slices.Contains(LogOptions(), key) {
		return Invalid(value, "unknown option %q: want %s%s", key, orList(LogOptions()), spec.Meant(key, LogOptions()))
	}
	if !found || text == "" {
		return Invalid(value, "want %s=VALUE", key)
	}
	if err := NoNUL(value); err != nil {
		return err
	}
	switch key {
	case "max-size":
		n, err := Size(text)
		if text == "-1" { // docker's and podman's word for no limit
			n, err = 0, nil
		}
		if err != nil {
			return Invalid(value, "size %q: want a number with b, k, m or g such as 10m, or -1 for no limit", text)
		}
		l.MaxSize = n
	case "max-file":
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostLogFiles {
			return Invalid(value, "want a number of files from 1 to %d", mostLogFiles)
		}
		l.MaxFiles = n
	case "path":
		if strings.HasSuffix(text, "/") {
			return Invalid(value, "want the path of a file, not of a directory")
		}
		if !filepath.IsAbs(text) {
			text = filepath.Join(cwd, text)
		}
		l.Path = filepath.Clean(text)
	case "tag":
		if _, err := LogTag(text, &spec.Container{}); err != nil {
			return err
		}
		l.Tag = text
	}
	return nil
}

// CheckLog refuses options that the driver has no use for.
func CheckLog(l spec.Log) error {
	driver := l.Driver
	if driver == "" {
		driver = spec.LogDrivers()[0]
	}
	toFile := driver == "k8s-file" || driver == "json-file"
	for _, o := range []struct {
		key          string
		given, makes bool
	}{
		{"max-size", l.MaxSize != 0, toFile},
		{"max-file", l.MaxFiles != 0, toFile},
		{"path", l.Path != "", toFile},
		{"tag", l.Tag != "", toFile || driver == "journald"},
	} {
		if o.given && !o.makes {
			return Invalid(o.key, "log driver %s takes no such option", driver)
		}
	}
	return nil
}

// logTagFields are what docker and podman know in a tag.
func logTagFields() []string {
	return []string{"ContainerID", "ContainerName", "DaemonName", "FullID", "ID", "ImageFullID", "ImageID", "ImageName", "Name"}
}

func logTagField(name string, c *spec.Container) (value string, known bool) {
	switch name {
	case "ID":
		return c.ID[:min(len(c.ID), 12)], true
	case "FullID", "ContainerID":
		return c.ID, true
	case "Name", "ContainerName":
		return c.Name, true
	case "ImageID":
		return c.Image.ID[:min(len(c.Image.ID), 12)], true
	case "ImageFullID":
		return c.Image.ID, true
	case "ImageName":
		return c.Image.Name, true
	case "DaemonName":
		return "rc", true
	}
	return "", false
}

// LogTag expands a tag: {{.ID}} and {{.ImageID}} are short, {{.FullID}} and {{.ImageFullID}} not.
func LogTag(tag string, c *spec.Container) (string, error) {
	if strings.ContainsFunc(tag, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", Invalid(tag, "a control character cannot be part of a tag")
	}
	var out strings.Builder
	for rest := tag; ; {
		text, after, found := strings.Cut(rest, "{{")
		out.WriteString(text)
		if !found {
			return out.String(), nil
		}
		field, more, closed := strings.Cut(after, "}}")
		if !closed {
			return "", Invalid(tag, "}} is missing")
		}
		name, dotted := strings.CutPrefix(strings.TrimSpace(field), ".")
		value, known := logTagField(name, c)
		if !dotted || !known {
			return "", Invalid(tag, "unknown field {{%s}}: want {{.FIELD}} with %s", field, orList(logTagFields()))
		}
		out.WriteString(value)
		rest = more
	}
}
