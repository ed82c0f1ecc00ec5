package format

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode"

	"github.com/rc-containers/rc/pkg/errs"
)

// checkFields refuses fields that a row does not have, with those that it has.
func checkFields(format string, tmpl *template.Template, row reflect.Type) error {
	var err error
	walk(tmpl.Root, true, func(path []string, ofRow bool) {
		if ofRow && err == nil {
			err = checkPath(format, path, row)
		}
	})
	return err
}

// checkPath also replaces JSON names by those of the fields: path is the template's own.
func checkPath(format string, path []string, t reflect.Type) error {
	for i, name := range path {
		next, ok := member(t, name)
		if !ok {
			if field := byJSONName(t, name); field != "" {
				path[i] = field
				next, ok = member(t, field)
			}
		}
		if !ok {
			return errs.Invalidf("format %q: no field %q; there are %s",
				format, "."+strings.Join(path[:i+1], "."), strings.Join(Fields(t), ", "))
		}
		if next == nil {
			return nil
		}
		t = next
	}
	return nil
}

// member is the type of a field or a method's result. A nil type may hold anything.
func member(t reflect.Type, name string) (reflect.Type, bool) {
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Map {
		return nil, true
	}
	if m, ok := t.MethodByName(name); ok {
		return m.Type.Out(0), true
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	} else if m, ok := reflect.PointerTo(t).MethodByName(name); ok {
		// Rows of a slice are addressable for templates when they are pointers only.
		return m.Type.Out(0), false
	}
	if t.Kind() != reflect.Struct {
		return nil, false
	}
	f, ok := t.FieldByName(name)
	if !ok || !f.IsExported() {
		return nil, false
	}
	return f.Type, true
}

// byJSONName is the field whose JSON name is given: docker's users write .Id where Go has ID.
func byJSONName(t reflect.Type, name string) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return ""
	}
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name && name != "" && f.IsExported() {
			return f.Name
		}
	}
	return ""
}

// Fields are the names that a template may use for a type, sorted.
func Fields(t reflect.Type) []string {
	var names []string
	for m := range t.Methods() {
		// The receiver is an argument, too; {{.Label "key"}} has another one.
		takesText := m.Type.NumIn() == 2 && m.Type.In(1).Kind() == reflect.String
		if (m.Type.NumIn() == 1 || takesText) && m.Type.NumOut() == 1 {
			names = append(names, "."+m.Name)
		}
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		for _, f := range reflect.VisibleFields(t) {
			if f.IsExported() && !f.Anonymous {
				names = append(names, "."+f.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// walk calls visit for each field that the template names, with whether its first name
// is one of the row (and not of what a range or with made the dot).
func walk(node parse.Node, ofRow bool, visit func(path []string, ofRow bool)) {
	if v := reflect.ValueOf(node); node == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return
	}
	branch := func(b *parse.BranchNode, inner bool) {
		walk(b.Pipe, ofRow, visit)
		walk(b.List, inner, visit)
		walk(b.ElseList, ofRow, visit)
	}
	switch n := node.(type) {
	case *parse.ListNode:
		for _, c := range n.Nodes {
			walk(c, ofRow, visit)
		}
	case *parse.ActionNode:
		walk(n.Pipe, ofRow, visit)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			walk(c, ofRow, visit)
		}
	case *parse.CommandNode:
		for _, c := range n.Args {
			walk(c, ofRow, visit)
		}
	case *parse.ChainNode:
		walk(n.Node, ofRow, visit)
	case *parse.FieldNode:
		visit(n.Ident, ofRow)
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			visit(n.Ident[1:], true)
		}
	case *parse.IfNode:
		branch(&n.BranchNode, ofRow)
	case *parse.RangeNode:
		branch(&n.BranchNode, false)
	case *parse.WithNode:
		branch(&n.BranchNode, false)
	case *parse.TemplateNode:
		walk(n.Pipe, ofRow, visit)
	}
}

// headings writes the line of headings: the template itself, filled with headings.
func (p *printer) headings(w io.Writer, own map[string]string) error {
	data := map[string]any{}
	walk(p.tmpl.Root, true, func(path []string, _ bool) {
		m := data
		for _, name := range path[:len(path)-1] {
			inner, ok := m[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
				m[name] = inner
			}
			m = inner
		}
		last := path[len(path)-1]
		if _, ok := m[last]; ok {
			return
		}
		m[last] = heading(last, own)
	})
	tmpl, err := p.tmpl.Clone()
	if err != nil {
		return err
	}
	var line strings.Builder
	if err := tmpl.Funcs(headingFunctions()).Execute(&line, data); err != nil {
		// A template that computes with its values has no headings.
		return nil //nolint:nilerr // by intent
	}
	_, err = io.WriteString(w, line.String()+"\n")
	return err
}

// heading is CREATED AT for CreatedAt, IMAGE ID for ImageID.
func heading(name string, own map[string]string) string {
	if h, ok := own[name]; ok {
		return h
	}
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		startsWord := unicode.IsUpper(r) && i > 0 &&
			(unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]) && unicode.IsUpper(runes[i-1]))
		if startsWord {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}
