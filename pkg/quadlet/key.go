package quadlet

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet/unitfile"
)

// key is a key of a quadlet's section. The order of a table is that of the flags.
type key struct {
	name string
	// add adds what the key says to the command; nil where the conversion of the kind does it.
	add func(c *conversion, k key)
	// flag is what add adds, prefix comes before each value.
	flag, prefix string
	// refused says why rc cannot do it.
	refused string
}

// one is a key of which the last value counts: --flag VALUE.
func one(name, flag string) key { return key{name: name, flag: flag, add: addOne} }

// all is a key of which each line is a value.
func all(name, flag string) key { return key{name: name, flag: flag, add: addAll} }

// list is a key with several values in a line, which can be quoted.
func list(name, flag string) key { return key{name: name, flag: flag, add: addList} }

// words is the same with C escapes.
func words(name, flag, prefix string) key {
	return key{name: name, flag: flag, prefix: prefix, add: addWords}
}

// pairs is a key with KEY=VALUE in it, several in a line, of which the last of a KEY counts.
func pairs(name, flag string) key { return key{name: name, flag: flag, add: addPairs} }

// boolean is a key that is yes or no: --flag or --flag=false.
func boolean(name, flag string) key { return key{name: name, flag: flag, add: addBoolean} }

// secured is one whose value is a --security-opt, behind a prefix.
func secured(name, prefix string) key {
	return key{name: name, flag: "--security-opt", prefix: prefix, add: addOne}
}

// when is a key that stands for one argument if it is yes.
func when(name string, argument ...string) key {
	return key{name: name, add: func(c *conversion, k key) {
		if on, _ := c.boolean(k.name); on {
			c.arg(argument...)
		}
	}}
}

// special is a key that the kind's conversion looks at itself.
func special(name string) key { return key{name: name} }

// general are keys that all kinds have.
func general() []key {
	return []key{special("ServiceName"), special("ContainersConfModule"), special("GlobalArgs"), special("PodmanArgs")}
}

func addOne(c *conversion, k key) {
	if v := c.value(k.name); v != "" {
		c.arg(k.flag, k.prefix+v)
	}
}

func addAll(c *conversion, k key) {
	for _, e := range c.values(k.name) {
		c.arg(k.flag, unquote(e.Value))
	}
}

func addList(c *conversion, k key) {
	for _, e := range c.values(k.name) {
		for _, word := range c.split(e, unitfile.List) {
			c.arg(k.flag, word)
		}
	}
}

func addWords(c *conversion, k key) {
	for _, word := range c.words(k.name) {
		c.arg(k.flag, k.prefix+word)
	}
}

func addBoolean(c *conversion, k key) {
	on, ok := c.boolean(k.name)
	switch {
	case ok && on:
		c.arg(k.flag)
	case ok:
		c.arg(k.flag + "=false")
	}
}

func addPairs(c *conversion, k key) {
	var names []string
	last := map[string]string{}
	for _, e := range c.values(k.name) {
		pair := false
		for _, word := range c.split(e, unitfile.Words) {
			name, _, found := strings.Cut(word, "=")
			if !found && pair {
				c.warn(e, "%q has no = in it: a value with spaces wants quotes around KEY=VALUE", word)
			}
			pair = pair || found
			if _, ok := last[name]; !ok {
				names = append(names, name)
			}
			last[name] = word
		}
	}
	for _, name := range names {
		c.arg(k.flag, last[name])
	}
}

// values are the entries of a key of the quadlet's own section.
func (c *conversion) values(key string) []unitfile.Entry {
	return c.src.file.Values(c.section, key)
}

// last is the last entry of a key, if its value is not empty.
func (c *conversion) last(key string) (unitfile.Entry, bool) {
	e, ok := c.src.file.Last(c.section, key)
	return e, ok && unquote(e.Value) != ""
}

// value is the last value of a key.
func (c *conversion) value(key string) string {
	e, _ := c.src.file.Last(c.section, key)
	return unquote(e.Value)
}

// boolean is the last value of a key that is yes or no, as systemd spells them; ok is false
// where there is none.
func (c *conversion) boolean(key string) (on, ok bool) {
	e, ok := c.last(key)
	if !ok {
		return false, false
	}
	on, ok = parseBoolean(unquote(e.Value))
	if !ok {
		c.problem(e, "want yes or no")
	}
	return on, ok
}

func parseBoolean(value string) (on, ok bool) {
	switch strings.ToLower(value) {
	case "1", "yes", "y", "true", "t", "on":
		return true, true
	case "0", "no", "n", "false", "f", "off":
		return false, true
	}
	return false, false
}

// split splits a value into words.
func (c *conversion) split(e unitfile.Entry, into func(string) ([]string, error)) []string {
	words, err := into(e.Value)
	switch {
	case errors.Is(err, unitfile.ErrUnbalanced):
		c.warn(e, "%v", err)
	case err != nil:
		c.problem(e, "%v", err)
	}
	return words
}

// words are all words of a key, with C escapes.
func (c *conversion) words(key string) []string {
	var all []string
	for _, e := range c.values(key) {
		all = append(all, c.split(e, unitfile.Words)...)
	}
	return all
}

// path makes a path that is relative to the quadlet's directory absolute. One that begins with a
// specifier is not.
func (c *conversion) path(path string) string {
	if filepath.IsAbs(path) || strings.HasPrefix(path, "%") && !strings.HasPrefix(path, "%%") {
		return path
	}
	return filepath.Join(unitfile.Literal(c.dir()), path)
}

// dir is the directory of the quadlet, absolute.
func (c *conversion) dir() string {
	dir, err := filepath.Abs(filepath.Dir(c.src.Path))
	if err != nil {
		return filepath.Dir(c.src.Path)
	}
	return dir
}

// optional is a path without the - that begins it, and whether it is to be left out: the - says
// that a file which is not there when the unit is made does not matter.
func optional(value, path string) (string, bool) {
	rest, ok := strings.CutPrefix(value, "-")
	if !ok {
		return value, false
	}
	_, err := os.Stat(strings.TrimPrefix(path, "-"))
	return rest, errors.Is(err, os.ErrNotExist)
}

// problem is a mistake at an entry.
func (c *conversion) problem(e unitfile.Entry, format string, args ...any) {
	all := append([]any{e.Pos, e.Key, shorten(e.Value)}, args...)
	c.problems = append(c.problems, errs.Invalidf("%s: %s=%s: "+format, all...))
}

// warn is the same for what does no harm to say only.
func (c *conversion) warn(e unitfile.Entry, format string, args ...any) {
	all := append([]any{e.Pos, e.Key, shorten(e.Value)}, args...)
	c.warnings = append(c.warnings, errs.Invalidf("%s: %s=%s: "+format, all...))
}

// shorten is for values that are quoted in a message of one line.
func shorten(value string) string {
	const enough = 60
	value = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, value)
	if runes := []rune(value); len(runes) > enough {
		return string(runes[:enough]) + "…"
	}
	return value
}
