package quadlet

import (
	"encoding/csv"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/quadlet/unitfile"
	"github.com/rc-containers/rc/pkg/spec"
)

// dependencyKeys are those of [Unit] that name other units; quadlets can be named there, too.
func dependencyKeys() []string {
	return []string{
		"After", "Before", "BindsTo", "Conflicts", "OnFailure", "OnSuccess", "PartOf", "PropagatesReloadTo", "PropagatesStopTo",
		"ReloadPropagatedFrom", "Requires", "Requisite", "StopPropagatedFrom", "Upholds", "Wants",
	}
}

// translateDependencies puts units in the place of quadlets.
func (c *conversion) translateDependencies() {
	s := c.out.Section(unitSection)
	if s == nil {
		return
	}
	for i, e := range s.Entries {
		if !slices.Contains(dependencyKeys(), e.Key) || e.Value == "" {
			continue
		}
		words := c.split(e, unitfile.List)
		for j, word := range words {
			if kindOf(word) == nil {
				continue
			}
			if unit, ok := c.unitOf(e, word); ok {
				words[j] = unit
			}
		}
		s.Entries[i].Value = strings.Join(words, " ")
	}
}

// find resolves the name of another quadlet.
func (c *conversion) find(e unitfile.Entry, name string) (src *Source, instance string, ok bool) {
	src, instance = c.set.resolve(name)
	switch {
	case src == nil:
		if near := spec.Nearest(name, c.set.Names()); near != "" {
			c.problem(e, "there is no %s; did you mean %s?", name, near)
		} else {
			c.problem(e, "there is no %s", name)
		}
		return nil, "", false
	case src.kind.refused != "":
		c.problem(e, "%s: %s", name, src.kind.refused)
		return nil, "", false
	case instance == "" && src.isTemplate() && !c.src.isTemplate():
		c.problem(e, "%s is a template: name one that is made of it, with something behind the @", name)
		return nil, "", false
	case instance == "" && src.isTemplate():
		instance = "%i" // its own instance's
	}
	return src, instance, true
}

// unitOf is the unit of another quadlet.
func (c *conversion) unitOf(e unitfile.Entry, name string) (string, bool) {
	src, instance, ok := c.find(e, name)
	if !ok {
		return "", false
	}
	return instantiate(src.Unit(), instance), true
}

// instantiate puts an instance behind the @ of a template's name.
func instantiate(unit, instance string) string {
	return strings.Replace(unit, "@.", "@"+instance+".", 1)
}

// need is a quadlet without which this one does not work: its unit is started first. The result is
// what it makes.
func (c *conversion) need(e unitfile.Entry, name string) (resource string, ok bool) {
	src, instance, ok := c.find(e, name)
	if !ok {
		return "", false
	}
	unit := instantiate(src.Unit(), instance)
	resource = src.resource()
	switch {
	case src.kind.ext == ".image" || src.kind.ext == ".build": // of an image, specifiers are all the same
	case instance == "%i":
		resource = strings.ReplaceAll(strings.ReplaceAll(resource, "%p", strings.TrimSuffix(src.stem(), "@")), "%N", strings.TrimSuffix(unit, ".service"))
	default:
		expanded, known := expand(resource, unit)
		if !known {
			c.problem(e, "the name that %s gives, %s, means something else in this unit", name, resource)
			return "", false
		}
		resource = expanded
	}
	if resource == "" && len(src.problems) == 0 {
		// The other one says what is missing; its unit fails, and so does this one.
		resource = name
	}
	c.addOnce(unitSection, "Requires", unit)
	c.addOnce(unitSection, "After", unit)
	if !slices.Contains(c.needs, src.Name) {
		c.needs = append(c.needs, src.Name)
	}
	return resource, true
}

// addOnce adds an entry that may be there.
func (c *conversion) addOnce(section, key, value string) {
	if !slices.ContainsFunc(c.out.Values(section, key), func(e unitfile.Entry) bool { return e.Value == value }) {
		c.out.Add(section, key, value)
	}
}

// refersTo reports whether a value names a quadlet with one of the extensions.
func refersTo(value string, extensions ...string) bool {
	return slices.Contains(extensions, filepath.Ext(value)) && !strings.ContainsAny(value, "/:")
}

// image is an image as rc takes it: that of an .image or .build, or the name.
func (c *conversion) image(e unitfile.Entry, name string) string {
	if !refersTo(name, ".image", ".build") {
		return name
	}
	resource, _ := c.need(e, name)
	return resource
}

// networks adds Network=.
func networks(c *conversion, k key) {
	for _, e := range c.values(k.name) {
		value := unquote(e.Value)
		name, options, hasOptions := strings.Cut(value, ":")
		switch {
		case refersTo(name, ".container"):
			if hasOptions {
				c.problem(e, "the network of another container takes no options")
				continue
			}
			if resource, ok := c.need(e, name); ok {
				value = "container:" + resource
			}
		case refersTo(name, ".network", ".pod"):
			if resource, ok := c.need(e, name); ok {
				value = resource
				if hasOptions {
					value += ":" + options
				}
			}
		}
		c.arg(k.flag, value)
	}
}

// volumes adds Volume=.
func volumes(c *conversion, k key) {
	for _, e := range c.values(k.name) {
		source, rest, found := strings.Cut(unquote(e.Value), ":")
		if !found {
			c.arg(k.flag, source)
			continue
		}
		if source == "" {
			c.problem(e, "the source is empty: want SOURCE:DESTINATION")
			continue
		}
		c.arg(k.flag, c.storage(e, source, ".volume")+":"+rest)
	}
}

// storage is the source of a mount.
func (c *conversion) storage(e unitfile.Entry, source string, extensions ...string) string {
	if strings.HasPrefix(source, ".") {
		source = c.path(source)
	}
	switch {
	case filepath.IsAbs(source):
		c.addOnce(unitSection, "RequiresMountsFor", unitfile.Quote(source))
	case refersTo(source, extensions...):
		source, _ = c.need(e, source)
	}
	return source
}

// mounts adds Mount=, whose source may be another quadlet's.
func mounts(c *conversion, k key) {
	for _, e := range c.values(k.name) {
		for _, word := range c.split(e, unitfile.Words) {
			c.arg(k.flag, c.mount(e, word))
		}
	}
}

// mount resolves the source of one --mount. What is wrong with the rest rc run says.
func (c *conversion) mount(e unitfile.Entry, text string) string {
	r := csv.NewReader(strings.NewReader(text))
	options, err := r.Read()
	if err != nil {
		c.problem(e, "want OPTION=VALUE with commas between them: %v", err)
		return text
	}
	extensions := []string{".volume"}
	for _, o := range options {
		switch o {
		case "type=image":
			extensions = []string{".image", ".build"}
		case "type=artifact":
			c.problem(e, "rc has no artifacts yet")
			return text
		case "type=tmpfs", "type=ramfs", "type=devpts":
			return text
		}
	}
	for i, o := range options {
		name, value, _ := strings.Cut(o, "=")
		if name != "source" && name != "src" {
			continue
		}
		if value == "" {
			c.problem(e, "source= is empty")
			return text
		}
		options[i] = name + "=" + c.storage(e, value, extensions...)
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(options); err != nil {
		c.problem(e, "%v", err)
	}
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}
