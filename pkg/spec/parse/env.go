package parse

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Env reads one -e: KEY=VALUE, KEY (the value is taken from host, nothing is set where
// host has none) or KEY* (every variable of host that begins so). host is as os.Environ
// returns it. The result is in KEY=VALUE form.
func Env(value string, host []string) ([]string, error) {
	if err := NoNUL(value); err != nil {
		return nil, err
	}
	key, _, hasValue := strings.Cut(value, "=")
	if err := checkEnvName(value, key); err != nil {
		return nil, err
	}
	if hasValue {
		return []string{value}, nil
	}
	return hostEnv(key, host), nil
}

// hostEnv picks KEY or KEY* from host.
func hostEnv(key string, host []string) []string {
	prefix, glob := strings.CutSuffix(key, "*")
	var out []string
	for _, entry := range host {
		name, _, _ := strings.Cut(entry, "=")
		if name == key || glob && strings.HasPrefix(name, prefix) {
			out = append(out, entry)
		}
	}
	return out
}

func checkEnvName(value, key string) error {
	if key == "" {
		return Invalid(value, "the variable's name is empty: want KEY=VALUE or KEY")
	}
	if strings.ContainsAny(key, " \t\n\r") {
		return Invalid(value, "the variable's name %q has white space in it", key)
	}
	return nil
}

// EnvFile reads docker's env files: a KEY=VALUE, KEY or KEY* per line, as Env
// takes them; empty lines and lines that begin with # are skipped, white space before the
// key is too, and the value is taken as it is, quotes included. Errors begin with name and line.
func EnvFile(r io.Reader, name string, host []string) ([]string, error) {
	var out []string
	err := eachLine(r, name, func(line string) error {
		entries, err := Env(line, host)
		out = append(out, entries...)
		return err
	})
	return out, err
}

// Label reads KEY[=VALUE] of --label and --annotation.
func Label(value string) (key, val string, err error) {
	key, val, _ = strings.Cut(value, "=")
	if key == "" {
		return "", "", Invalid(value, "the key is empty: want KEY=VALUE")
	}
	return key, val, NoNUL(value)
}

// LabelFile reads a KEY[=VALUE] per line; empty lines and lines that begin with # are skipped.
func LabelFile(r io.Reader, name string, to map[string]string) error {
	return eachLine(r, name, func(line string) error {
		key, val, err := Label(line)
		if err == nil {
			to[key] = val
		}
		return err
	})
}

// eachLine calls f with each line of a file in docker's format.
func eachLine(r io.Reader, name string, f func(line string) error) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 4096), 1<<20)
	for number := 1; scanner.Scan(); number++ {
		line := strings.TrimRight(scanner.Text(), "\r")
		if number == 1 {
			line = strings.TrimPrefix(line, "\ufeff") // what Windows editors put first
		}
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		if err := f(line); err != nil {
			return fmt.Errorf("%s: line %d: %w", name, number, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
