package dockerfile

import (
	"maps"
	"slices"
	"strings"
)

// env is an environment, in the order in which its variables came. It is what BuildKit's package shell
// expands with.
type env struct {
	names  []string
	values map[string]string
}

// Get is the value of a variable.
func (e *env) Get(name string) (string, bool) {
	v, ok := e.values[name]
	return v, ok
}

// Keys are the names.
func (e *env) Keys() []string { return e.names }

func (e *env) set(name, value string) {
	if e.values == nil {
		e.values = map[string]string{}
	}
	if _, ok := e.values[name]; !ok {
		e.names = append(e.names, name)
	}
	e.values[name] = value
}

func (e *env) clone() *env { return &env{slices.Clone(e.names), maps.Clone(e.values)} }

// list is the environment as execve(2) takes it.
func (e *env) list() []string {
	out := make([]string, len(e.names))
	for i, name := range e.names {
		out[i] = name + "=" + e.values[name]
	}
	return out
}

// setIn sets a variable in an image's list.
func setIn(list []string, name, value string) []string {
	i := slices.IndexFunc(list, func(kv string) bool {
		k, _, _ := strings.Cut(kv, "=")
		return k == name
	})
	if i < 0 {
		return append(list, name+"="+value)
	}
	list[i] = name + "=" + value
	return list
}
