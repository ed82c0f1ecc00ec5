package quadlet

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet/unitfile"
	"github.com/rc-containers/rc/pkg/spec"
)

// Unit is what becomes of a source.
type Unit struct {
	Source *Source
	Name   string   // foo.service
	Text   []byte   // nil where systemd would take no unit of that name
	Links  []Link   // what enables it
	Needs  []string // other quadlets, by name
	// Problems are why the unit only fails; warnings are about what does not mean what it seems to.
	Problems, Warnings []error
	// Command is what it runs, word by word, for checking it.
	Command []string
}

// Options say how units are made.
type Options struct {
	Program string // rc's path
	By      string // what the units say they were made by
}

// WaitUnit is the unit that containers wait for before they use the network.
const WaitUnit = "rc-wait-network-online.service"

// Sections of units.
const (
	unitSection    = "Unit"
	serviceSection = "Service"
	installSection = "Install"
	quadletSection = "Quadlet"
)

// Convert makes the units of all quadlets, in the order in which they were found.
func (s *Set) Convert(o Options) []Unit {
	conversions := make([]*conversion, 0, len(s.sources))
	owner := map[string]*Source{}
	needs := map[string][]string{}
	for _, src := range s.sources {
		c := &conversion{set: s, src: src, section: src.kind.section, options: o}
		conversions = append(conversions, c)
		c.run()
		if first := owner[src.Unit()]; first != nil && c.nameError == nil {
			c.nameError = errs.Invalidf("%s: its unit would be %s, which %s is already: set ServiceName=", src.Path, src.Unit(), first.Path)
		} else if first == nil {
			owner[src.Unit()] = src
		}
		needs[src.Name] = c.needs
	}
	units := make([]Unit, 0, len(conversions))
	for _, c := range conversions {
		if way := cycle(needs, c.src.Name); way != nil {
			c.problems = append(c.problems, errs.Invalidf("%s: it needs itself: %s", c.src.Path, strings.Join(way, " → ")))
		}
		units = append(units, c.unit())
	}
	return units
}

// conversion is that of one source.
type conversion struct {
	set     *Set
	src     *Source
	section string
	options Options

	out       *unitfile.File
	command   []string
	needs     []string
	problems  []error
	warnings  []error
	nameError error
	misspelt  bool // a key of the section
}

// arg adds words to the command.
func (c *conversion) arg(words ...string) { c.command = append(c.command, words...) }

func (c *conversion) run() {
	c.nameError = c.src.checkName()
	c.problems = append(c.problems, c.src.problems...)
	if c.src.kind.refused != "" {
		c.problems = append(c.problems, errs.Unsupportedf("%s: %s files: %s", c.src.Path, c.src.kind.ext, c.src.kind.refused))
	}
	if len(c.problems) > 0 {
		return // the rest would only be said because of this
	}
	if c.src.file.Section(c.section) == nil && c.missingSection() {
		return
	}
	c.checkSections()
	c.checkKeys()
	c.begin()
	c.src.kind.convert(c)
}

// missingSection says what there is instead. A volume and a network need say nothing, and are
// often empty files.
func (c *conversion) missingSection() (wrong bool) {
	for _, s := range c.src.file.Sections {
		if spec.Nearest(s.Name, []string{c.section}) != "" {
			c.problems = append(c.problems, errs.Invalidf("%s: unknown section [%s]; did you mean [%s]?", s.Pos, s.Name, c.section))
			return true
		}
	}
	if !c.src.kind.mayBeEmpty {
		c.problems = append(c.problems, errs.Invalidf("%s: section [%s] is missing", c.src.Path, c.section))
	}
	return !c.src.kind.mayBeEmpty
}

// checkSections warns of sections that nobody reads.
func (c *conversion) checkSections() {
	known := []string{unitSection, serviceSection, installSection, quadletSection, c.section}
	for _, s := range c.src.file.Sections {
		if slices.Contains(known, s.Name) || strings.HasPrefix(s.Name, "X-") {
			continue
		}
		if near := spec.Nearest(s.Name, known); near != "" {
			c.problems = append(c.problems, errs.Invalidf("%s: unknown section [%s]; did you mean [%s]?", s.Pos, s.Name, near))
		} else {
			c.warnings = append(c.warnings, errs.Invalidf("%s: unknown section [%s], without effect", s.Pos, s.Name))
		}
	}
}

// checkKeys refuses keys that the section has not.
func (c *conversion) checkKeys() {
	keys := c.keys()
	names := make([]string, 0, len(keys))
	for _, k := range keys {
		names = append(names, k.name)
	}
	c.checkSection(c.section, names)
	c.checkSection(quadletSection, []string{"DefaultDependencies"})
	for _, k := range keys {
		if e, ok := c.last(k.name); ok && k.refused != "" {
			c.problem(e, "not supported: %s", k.refused)
		}
	}
}

func (c *conversion) keys() []key { return append(c.src.kind.keys(), general()...) }

func (c *conversion) checkSection(section string, names []string) {
	s := c.src.file.Section(section)
	if s == nil {
		return
	}
	for _, e := range s.Entries {
		if slices.Contains(names, e.Key) {
			continue
		}
		if near := spec.Nearest(e.Key, names); near != "" {
			c.misspelt = true
			c.problems = append(c.problems, errs.Invalidf("%s: [%s] has no key %q; did you mean %s=?", e.Pos, section, shorten(e.Key), near))
		} else {
			c.problems = append(c.problems, errs.Invalidf("%s: [%s] has no key %q", e.Pos, section, shorten(e.Key)))
		}
	}
}

// begin makes the unit out of what is passed on, and the start of the command.
func (c *conversion) begin() {
	// In systemd's usual order, whatever the quadlet's is.
	c.out = &unitfile.File{Sections: []*unitfile.Section{{Name: unitSection}, {Name: serviceSection}}}
	for _, name := range []string{unitSection, serviceSection, installSection} {
		if s := c.src.file.Section(name); s != nil {
			c.out.Merge(&unitfile.File{Sections: []*unitfile.Section{s}})
		}
	}
	for _, s := range c.src.file.Sections {
		switch s.Name {
		case unitSection, serviceSection, installSection:
		case c.section, quadletSection:
			c.out.Merge(&unitfile.File{Sections: []*unitfile.Section{{Name: "X-" + s.Name, Entries: s.Entries}}})
		default:
			c.out.Merge(&unitfile.File{Sections: []*unitfile.Section{s}})
		}
	}
	c.translateDependencies()
	c.defaultDependencies()
	c.out.Add(unitSection, "SourcePath", unitfile.Literal(filepath.Join(c.dir(), c.src.Name)))
	// Where rc keeps what runs and what stays.
	c.out.Add(unitSection, "RequiresMountsFor", "%t/rc %h")
	c.command = c.rc()
	for _, key := range []string{"User", "Group", "DynamicUser"} {
		if e, ok := c.out.Last(serviceSection, key); ok && e.Value != "" {
			c.problem(e, "a user's units run as that user; for the container there is [%s] User=", c.section)
		}
	}
}

// rc is the begin of each command: the program and its global flags.
func (c *conversion) rc() []string {
	words := []string{c.options.Program}
	for _, e := range c.values("ContainersConfModule") {
		words = append(words, "--module="+unquote(e.Value))
	}
	return append(words, c.words("GlobalArgs")...)
}

// line adds a command line to the unit.
func (c *conversion) line(key string, command []string) {
	c.out.Add(serviceSection, key, unitfile.Join(command))
}

// addKeys adds the flags of the keys that need no more than their table.
func (c *conversion) addKeys() {
	for _, k := range c.src.kind.keys() {
		if k.add != nil {
			k.add(c, k)
		}
	}
}

// podmanArgs adds what is passed on as it is, before the last arguments.
func (c *conversion) podmanArgs() { c.arg(c.words("PodmanArgs")...) }

// defaultDependencies makes the unit wait for the network, unless [Quadlet] says no.
func (c *conversion) defaultDependencies() {
	if e, ok := c.src.file.Last(quadletSection, "DefaultDependencies"); ok && e.Value != "" {
		on, ok := parseBoolean(unquote(e.Value))
		if !ok {
			c.problem(e, "want yes or no")
		}
		if !on {
			return
		}
	}
	c.out.Prepend(unitSection, "After", WaitUnit)
	c.out.Prepend(unitSection, "Wants", WaitUnit)
}

// oneshot is the rest of [Service] for units that make something and end.
func (c *conversion) oneshot() {
	c.out.Default(serviceSection, "SyslogIdentifier", "%N")
	c.out.Default(serviceSection, "Type", "oneshot")
}

// runOnce ends a command with the kind's keys and its operand; what it has made stays, and so the unit is active.
func (c *conversion) runOnce(operand string) {
	c.addKeys()
	c.podmanArgs()
	c.arg(operand)
	c.line("ExecStart", c.command)
	c.oneshot()
	c.out.Default(serviceSection, "RemainAfterExit", "yes")
}

// unit is the result.
func (c *conversion) unit() Unit {
	u := Unit{Source: c.src, Name: c.src.Unit(), Needs: c.needs}
	if c.out != nil {
		u.Links = c.links()
	}
	c.problems = once(c.problems)
	u.Problems, u.Warnings = c.problems, once(c.warnings)
	if c.nameError != nil {
		u.Problems, u.Links = append(u.Problems, c.nameError), nil
		return u
	}
	if len(u.Problems) > 0 {
		u.Text = c.failing().Bytes(c.options.By)
		return u
	}
	u.Command = c.command
	u.Text = c.out.Bytes(c.options.By)
	return u
}

// once leaves out what was said before: a key can be looked at twice.
func once(list []error) []error {
	said := map[string]bool{}
	return slices.DeleteFunc(list, func(err error) bool {
		again := said[err.Error()]
		said[err.Error()] = true
		return again
	})
}

// failing is a unit that says what is wrong, and fails: whoever needs it learns why. What the
// quadlet has in [Service] is not for it: Restart= would say it for ever.
func (c *conversion) failing() *unitfile.File {
	f := &unitfile.File{}
	f.Add(unitSection, "Description", unitfile.Literal(c.src.Name)+", which has mistakes in it")
	f.Add(unitSection, "SourcePath", unitfile.Literal(filepath.Join(c.dir(), c.src.Name)))
	f.Add(serviceSection, "Type", "oneshot")
	f.Add(serviceSection, "SyslogIdentifier", "%N")
	words := []string{"/bin/sh", "-c", `printf '%%s\n' "$$@" >&2; exit 125`, "sh"}
	for _, p := range c.problems {
		words = append(words, strings.ReplaceAll(unitfile.Literal("Error: "+p.Error()), "$", "$$"))
	}
	words = append(words, "Hint: mend the file, then: systemctl --user daemon-reload")
	f.Add(serviceSection, "ExecStart", unitfile.Join(words))
	return f
}

// Err is all that is wrong with a unit, nil if nothing is.
func (u *Unit) Err() error { return errors.Join(u.Problems...) }
