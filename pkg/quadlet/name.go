package quadlet

import (
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// unitChars are what a unit's name may be made of: VALID_CHARS in systemd, which adds @.
const unitChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@"

// maxUnitName is UNIT_NAME_MAX of systemd.
const maxUnitName = 255

// isUnitName reports whether systemd takes a name for a unit's.
func isUnitName(name string) bool {
	i := strings.LastIndexByte(name, '.')
	return i > 0 && i < len(name)-1 && len(name) <= maxUnitName && strings.Trim(name, unitChars) == "" && name[0] != '@'
}

// stem is the name without its extension.
func (s *Source) stem() string { return strings.TrimSuffix(s.Name, s.kind.ext) }

// Unit is the name of the unit that is made of the source: ServiceName=, or podman's name. A
// template's has its @ at the end, an instance's its instance, also where something comes between.
func (s *Source) Unit() string {
	if e, ok := s.file.Last(s.kind.section, "ServiceName"); ok && e.Value != "" {
		return unquote(e.Value) + ".service"
	}
	prefix, instance, template := strings.Cut(s.stem(), "@")
	name := prefix + s.kind.suffix
	if template {
		name += "@" + instance
	}
	return name + ".service"
}

// checkName is about names that systemd would not take.
func (s *Source) checkName() error {
	if !isUnitName(s.stem() + ".service") {
		return errs.Invalidf("%s: the file's name cannot be a unit's: want letters, digits, and :-_.\\@", s.Path)
	}
	if e, ok := s.file.Last(s.kind.section, "ServiceName"); ok && e.Value != "" && !isUnitName(s.Unit()) {
		return errs.Invalidf("%s: ServiceName=%s: not the name of a unit: want letters, digits, and :-_.\\@", e.Pos, e.Value)
	}
	return nil
}

// isTemplate reports whether the source is one that others are made of: foo@.container.
func (s *Source) isTemplate() bool { return strings.HasSuffix(s.stem(), "@") }

// resource is the name of what the unit makes: a container, a volume, a network, an image. It can
// have specifiers in it.
func (s *Source) resource() string {
	section := s.kind.section
	value := func(key string) string {
		e, _ := s.file.Last(section, key)
		return unquote(e.Value)
	}
	switch s.kind.ext {
	case ".image":
		if tag := value("ImageTag"); tag != "" {
			return tag
		}
		return value("Image")
	case ".build":
		if tags := s.file.Values(section, "ImageTag"); len(tags) > 0 {
			return unquote(tags[0].Value)
		}
		return ""
	}
	if name := value(s.kind.nameKey); name != "" {
		return name
	}
	prefix, instance, template := strings.Cut(s.stem(), "@")
	switch {
	case s.kind.ext == ".container" && template:
		return "systemd-%p_%i"
	case s.kind.ext == ".container":
		return "systemd-%N"
	case template && instance == "":
		return "systemd-" + prefix + "-%i"
	case template:
		return "systemd-" + prefix + "-" + instance
	}
	return "systemd-" + prefix
}

// expand replaces the specifiers that a unit's name decides, as another unit would not: it has
// another name. ok is false where one is left, or the unit is a template.
func expand(text, unit string) (expanded string, ok bool) {
	name := strings.TrimSuffix(unit, ".service")
	prefix, instance, template := strings.Cut(name, "@")
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		i++
		if i == len(text) {
			return "", false
		}
		known := !template || instance != ""
		switch text[i] {
		case '%':
			b.WriteString("%%") // it stays one
		case 'p':
			b.WriteString(prefix)
		case 'N', 'n', 'i':
			if !known {
				return "", false
			}
			b.WriteString(map[byte]string{'N': name, 'n': unit, 'i': instance}[text[i]])
		default:
			return "", false
		}
	}
	return b.String(), true
}

// Expand replaces all specifiers in a word of a unit's command; ok is false where that takes
// systemd. %% is a % then.
func Expand(word, unit string) (expanded string, ok bool) {
	word, ok = expand(word, unit)
	return strings.ReplaceAll(word, "%%", "%"), ok
}

// resolve finds the quadlet that a name means, and the instance if it is one of a template.
func (s *Set) resolve(name string) (src *Source, instance string) {
	if src := s.byName[name]; src != nil {
		return src, ""
	}
	k := kindOf(name)
	if k == nil {
		return nil, ""
	}
	prefix, instance, ok := strings.Cut(strings.TrimSuffix(name, k.ext), "@")
	if !ok || instance == "" {
		return nil, ""
	}
	return s.byName[prefix+"@"+k.ext], instance
}

// unquote takes quotes off that are around a whole value, as podman does for keys with one.
func unquote(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}

// cycle is a way from a source back to itself along needs, or nil.
func cycle(needs map[string][]string, from string) []string {
	var way []string
	seen := map[string]bool{}
	var visit func(name string) bool
	visit = func(name string) bool {
		way = append(way, name)
		for _, next := range needs[name] {
			if next == from {
				way = append(way, next)
				return true
			}
			if !seen[next] {
				seen[next] = true
				if visit(next) {
					return true
				}
			}
		}
		way = way[:len(way)-1]
		return false
	}
	if visit(from) {
		return slices.Clone(way)
	}
	return nil
}
