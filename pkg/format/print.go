package format

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/rc-containers/rc/pkg/errs"
)

// Options are what one verb's output looks like.
type Options struct {
	// Table is the template of the default table, cells separated by \t, as in
	// "{{.ID}}\t{{.Image}}". Without it, JSON is the default.
	Table string
	// Headings replace headings that a field's name does not make: "ID": "CONTAINER ID".
	// A field CreatedAt is CREATED AT by itself.
	Headings map[string]string
	// NoHeading leaves the line of headings out.
	NoHeading bool
}

// Print writes rows, a slice of structs or of pointers to structs, in a format as users
// write it: "" or "table" for the default table, "table TEMPLATE" for one's own, "json"
// for an array, else a template for each row. A template that begins with {{range is
// given all the rows at once.
func Print(w io.Writer, format string, rows any, o Options) error {
	v := reflect.ValueOf(rows)
	if v.Kind() != reflect.Slice {
		return fmt.Errorf("format %q: rows are %T, not a slice", format, rows)
	}
	p, err := newPrinter(format, v.Type().Elem(), o)
	if err != nil {
		return err
	}
	// One call of write(2) for many rows, not one for each blank between two cells.
	out := bufio.NewWriterSize(w, 32<<10)
	return errors.Join(p.print(out, v, o), out.Flush())
}

// print writes the rows v.
func (p *printer) print(w io.Writer, v reflect.Value, o Options) error {
	rows := v.Interface()
	if p.json {
		if v.IsNil() {
			rows = reflect.MakeSlice(v.Type(), 0, 0).Interface()
		}
		return writeJSON(w, rows)
	}
	if p.whole {
		return p.execute(w, rows)
	}
	if p.table {
		tw := tabwriter.NewWriter(w, 12, 2, 2, ' ', 0)
		if !o.NoHeading {
			if err := p.headings(tw, o.Headings); err != nil {
				return err
			}
		}
		if err := p.rows(tw, v); err != nil {
			return err
		}
		return tw.Flush()
	}
	return p.rows(w, v)
}

// PrintOne writes one struct: "" or "json" as an object, else through a template.
func PrintOne(w io.Writer, format string, value any) error {
	p, err := newPrinter(format, reflect.TypeOf(value), Options{})
	if err != nil {
		return err
	}
	if p.json {
		return writeJSON(w, value)
	}
	return p.rows(w, reflect.ValueOf([]any{value}))
}

// Check says whether Print would take a format for rows of row's type: for verbs that do
// something before they print.
func Check(format string, row any, o Options) error {
	_, err := newPrinter(format, reflect.TypeOf(row), o)
	return err
}

// IsJSON says whether a format is that of JSON and no template.
func IsJSON(format string) bool { return strings.TrimSpace(format) == "json" }

// printer is a parsed format.
type printer struct {
	format string
	json   bool
	table  bool
	whole  bool // the template takes all rows
	tmpl   *template.Template
	row    reflect.Type
}

func newPrinter(format string, row reflect.Type, o Options) (*printer, error) {
	p := &printer{format: format, row: row}
	text := strings.TrimSpace(format)
	switch {
	case IsJSON(text), text == "" && o.Table == "":
		p.json = true
		return p, nil
	case text == "", text == "table" && o.Table != "":
		p.table, text = true, o.Table
	case strings.HasPrefix(text, "table ") || strings.HasPrefix(text, `table\t`) || strings.HasPrefix(text, "table{{"):
		p.table, text = true, strings.TrimLeft(strings.TrimPrefix(text, "table"), " ")
	default:
		text = format // a row's blanks are the user's
	}
	text = unescape(text)
	tmpl, err := template.New("format").Funcs(functions()).Parse(text)
	if err != nil {
		return nil, errs.Invalidf("format %q: %s", format, strings.TrimPrefix(err.Error(), "template: "))
	}
	p.tmpl = tmpl
	compact := strings.ReplaceAll(strings.TrimLeft(text, " \n\t"), " ", "")
	p.whole = strings.HasPrefix(compact, "{{range.}}") || strings.HasPrefix(compact, "{{-range.}}")
	if !p.whole {
		if err := checkFields(format, tmpl, row); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// unescape turns \t and \n, as typed between single quotes, into what they mean; within
// {{ }} they belong to the template's own strings.
func unescape(text string) string {
	plain := strings.NewReplacer(`\t`, "\t", `\n`, "\n", `\\`, `\`)
	var b strings.Builder
	for text != "" {
		before, action, _ := strings.Cut(text, "{{")
		b.WriteString(plain.Replace(before))
		if len(before) == len(text) {
			break
		}
		end := strings.Index(action, "}}")
		if end < 0 {
			end = len(action)
		}
		b.WriteString("{{" + action[:end])
		text = action[end:]
	}
	return b.String()
}

// rows executes the template for each row, a line each.
func (p *printer) rows(w io.Writer, rows reflect.Value) error {
	for i := range rows.Len() {
		// A row that cannot be printed is not printed half.
		var line bytes.Buffer
		if err := p.execute(&line, rows.Index(i).Interface()); err != nil {
			return err
		}
		line.WriteByte('\n')
		if _, err := w.Write(line.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) execute(w io.Writer, data any) error {
	err := p.tmpl.Execute(w, data)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[template.ExecError](err); ok {
		return errs.Invalidf("format %q: %s", p.format, strings.TrimPrefix(e.Error(), "template: "))
	}
	return err
}

// writeJSON writes indented JSON with <, > and & as they are.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	return enc.Encode(v)
}
