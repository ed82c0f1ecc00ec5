package unitfile

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// Pos is where something was written. The zero value is for what no file says.
type Pos struct {
	Path string
	Line int
}

// String is PATH:LINE.
func (p Pos) String() string { return p.Path + ":" + strconv.Itoa(p.Line) }

// Entry is a line KEY=VALUE, or several that continue one.
type Entry struct {
	Key, Value string
	Pos        Pos
}

// Section is what follows [NAME]; several with one name are one.
type Section struct {
	Name    string
	Pos     Pos
	Entries []Entry
}

// File is a unit file.
type File struct {
	Sections []*Section
}

// Section is the section of that name, or nil.
func (f *File) Section(name string) *Section {
	i := slices.IndexFunc(f.Sections, func(s *Section) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return f.Sections[i]
}

// ensure is the section of that name, made where there is none.
func (f *File) ensure(name string, pos Pos) *Section {
	s := f.Section(name)
	if s == nil {
		s = &Section{Name: name, Pos: pos}
		f.Sections = append(f.Sections, s)
	}
	return s
}

// Merge adds what another file says, as a drop-in does.
func (f *File) Merge(other *File) {
	for _, s := range other.Sections {
		to := f.ensure(s.Name, s.Pos)
		to.Entries = append(to.Entries, s.Entries...)
	}
}

// Values are the entries of a key in order; an empty one undoes those before it.
func (f *File) Values(section, key string) []Entry {
	s := f.Section(section)
	if s == nil {
		return nil
	}
	var list []Entry
	for _, e := range s.Entries {
		switch {
		case e.Key != key:
		case e.Value == "":
			list = nil
		default:
			list = append(list, e)
		}
	}
	return list
}

// Last is the last entry of a key; its value may be empty.
func (f *File) Last(section, key string) (Entry, bool) {
	s := f.Section(section)
	if s == nil {
		return Entry{}, false
	}
	for _, e := range slices.Backward(s.Entries) {
		if e.Key == key {
			return e, true
		}
	}
	return Entry{}, false
}

// Add adds an entry at the end of a section.
func (f *File) Add(section, key, value string) {
	s := f.ensure(section, Pos{})
	s.Entries = append(s.Entries, Entry{Key: key, Value: value})
}

// Default adds an entry unless the key has a value already.
func (f *File) Default(section, key, value string) {
	if e, ok := f.Last(section, key); !ok || e.Value == "" {
		f.Add(section, key, value)
	}
}

// Prepend adds an entry before the others of a section.
func (f *File) Prepend(section, key, value string) {
	s := f.ensure(section, Pos{})
	s.Entries = slices.Insert(s.Entries, 0, Entry{Key: key, Value: value})
}

// Remove removes all entries of a key.
func (f *File) Remove(section, key string) {
	if s := f.Section(section); s != nil {
		s.Entries = slices.DeleteFunc(s.Entries, func(e Entry) bool { return e.Key == key })
	}
}

// Bytes is the file as systemd reads it, after a comment.
func (f *File) Bytes(comment string) []byte {
	var b bytes.Buffer
	for line := range strings.SplitSeq(comment, "\n") {
		b.WriteString("# " + line + "\n")
	}
	for _, s := range f.Sections {
		b.WriteString("\n[" + s.Name + "]\n")
		for _, e := range s.Entries {
			b.WriteString(e.Key + "=" + e.Value)
			if continues(e.Value) {
				b.WriteString(" \\\n") // it would be taken for the sign of what is written here: that an empty line follows
			}
			b.WriteString("\n")
		}
	}
	return b.Bytes()
}
