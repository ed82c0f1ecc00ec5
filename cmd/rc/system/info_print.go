package system

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// writeYAML writes a struct as YAML, with the names of its JSON tags: what rc info has to
// show is structs, slices, maps by string, strings, numbers and bools, and no more.
func writeYAML(out io.Writer, value any) error {
	w := bufio.NewWriter(out)
	writeFields(w, reflect.ValueOf(value), "")
	return w.Flush()
}

// field is one line of a mapping.
type field struct {
	name  string
	value reflect.Value
}

func writeFields(w *bufio.Writer, v reflect.Value, indent string) {
	for _, f := range fieldsOf(v) {
		writeField(w, f, indent)
	}
}

func writeField(w *bufio.Writer, f field, indent string) {
	v := f.value
	switch v.Kind() {
	case reflect.Struct, reflect.Map:
		if len(fieldsOf(v)) == 0 {
			fmt.Fprintf(w, "%s%s: {}\n", indent, f.name)
			return
		}
		fmt.Fprintf(w, "%s%s:\n", indent, f.name)
		writeFields(w, v, indent+"  ")
	case reflect.Slice:
		if v.Len() == 0 {
			fmt.Fprintf(w, "%s%s: []\n", indent, f.name)
			return
		}
		fmt.Fprintf(w, "%s%s:\n", indent, f.name)
		for i := range v.Len() {
			element := v.Index(i)
			if element.Kind() != reflect.Struct {
				fmt.Fprintf(w, "%s- %s\n", indent, scalar(element))
				continue
			}
			lead := "- "
			for _, inner := range fieldsOf(element) {
				fmt.Fprintf(w, "%s%s%s: %s\n", indent, lead, inner.name, scalar(inner.value))
				lead = "  "
			}
		}
	default:
		fmt.Fprintf(w, "%s%s: %s\n", indent, f.name, scalar(v))
	}
}

// fieldsOf are the fields of a struct that JSON would show, or the entries of a map.
func fieldsOf(v reflect.Value) []field {
	var out []field
	if v.Kind() == reflect.Map {
		for _, key := range v.MapKeys() {
			out = append(out, field{scalar(key), v.MapIndex(key)})
		}
		slices.SortFunc(out, func(a, b field) int { return cmp.Compare(a.name, b.name) })
		return out
	}
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "" {
			name = v.Type().Field(i).Name
		}
		if strings.Contains(options, "omitempty") && v.Field(i).IsZero() {
			continue
		}
		out = append(out, field{name, v.Field(i)})
	}
	return out
}

// scalar writes a string plain where YAML reads it back as the same string.
func scalar(v reflect.Value) string {
	if v.Kind() != reflect.String {
		return fmt.Sprint(v.Interface())
	}
	text := v.String()
	plain := text != "" && strings.TrimSpace(text) == text &&
		!strings.ContainsAny(text, "\n\t\"'\\#{}[]&*!|>%@`") &&
		!strings.Contains(text, ": ") && !strings.HasSuffix(text, ":") &&
		!strings.HasPrefix(text, "- ") && !strings.HasPrefix(text, "?")
	if _, err := strconv.ParseFloat(text, 64); err == nil || isYAMLWord(text) {
		plain = false
	}
	if plain {
		return text
	}
	return strconv.Quote(text)
}

// isYAMLWord tells whether YAML would read a bool or nothing.
func isYAMLWord(text string) bool {
	return slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "null", "~"}, strings.ToLower(text))
}
