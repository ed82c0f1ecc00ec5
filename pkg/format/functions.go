package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf8"
)

// functions are those of docker and podman, besides text/template's own.
func functions() template.FuncMap {
	return template.FuncMap{
		"json":     toJSON,
		"join":     join,
		"split":    func(s, sep string) []string { return strings.Split(s, sep) },
		"lower":    func(v any) string { return strings.ToLower(fmt.Sprint(v)) },
		"upper":    func(v any) string { return strings.ToUpper(fmt.Sprint(v)) },
		"title":    func(v any) string { return title(fmt.Sprint(v)) },
		"quote":    func(v any) string { return strconv.Quote(fmt.Sprint(v)) },
		"pad":      pad,
		"truncate": func(v any, n int) string { return Truncate(fmt.Sprint(v), n) },
	}
}

// headingFunctions leave a heading as it is.
func headingFunctions() template.FuncMap {
	funcs := functions()
	same := func(v any, _ ...any) any { return v }
	for name := range funcs {
		funcs[name] = same
	}
	funcs["len"], funcs["index"], funcs["slice"] = same, same, same
	return funcs
}

func toJSON(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// join takes a slice of anything; docker's takes strings only.
func join(list any, sep string) (string, error) {
	if s, ok := list.(string); ok {
		return s, nil
	}
	v := reflect.ValueOf(list)
	if !v.IsValid() {
		return "", nil
	}
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return "", fmt.Errorf("join: %T is no list", list)
	}
	words := make([]string, v.Len())
	for i := range words {
		words[i] = fmt.Sprint(v.Index(i).Interface())
	}
	return strings.Join(words, sep), nil
}

func title(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToTitle(r)) + s[n:]
}

func pad(v any, before, after int) (string, error) {
	const most = 1000
	if before < 0 || after < 0 || before > most || after > most {
		return "", fmt.Errorf("pad: want 0 to %d blanks", most)
	}
	return strings.Repeat(" ", before) + fmt.Sprint(v) + strings.Repeat(" ", after), nil
}
