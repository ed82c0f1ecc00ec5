package dockerfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/rc-containers/rc/pkg/errs"
)

// File is a Dockerfile that has been read. It does not change any more: several plans may be made of it.
type File struct {
	name   string
	text   []string // by line
	escape rune
	check  linter.Config // of "# check="
	global []instructions.ArgCommand
	stages []instructions.Stage
	nodes  [][]*parser.Node // the instructions of each stage after FROM
	// warnings are those that need no more than the text.
	warnings []Warning
}

// Parse reads a Dockerfile; messages call it by name. Its errors are of type *Error.
func Parse(data []byte, name string) (*File, error) {
	f := &File{name: name, text: strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")}
	if syntax, _, ranges, ok := parser.DetectSyntax(data); ok {
		if err := frontend(syntax); err != nil {
			return nil, f.at(err, lines(ranges))
		}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, f.at(errors.New("the Dockerfile is empty: it needs at least a FROM"), [2]int{})
	}
	if err := f.parse(data); err != nil {
		return nil, f.located(err)
	}
	return f, nil
}

func (f *File) parse(data []byte) error {
	check, _, ranges, _ := parser.ParseDirective("check", data)
	config, err := linter.ParseLintOptions(check)
	if err != nil {
		return parser.WithLocation(fmt.Errorf("check directive: %w", err), ranges)
	}
	f.check = *config

	parsed, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		return err
	}
	f.escape = parsed.EscapeToken
	lint := f.linter(f.check, &f.warnings)
	for _, w := range parsed.Warnings {
		if w.URL == linter.RuleNoEmptyContinuation.URL {
			lint.Run(&linter.RuleNoEmptyContinuation, []parser.Range{*w.Location}, linter.RuleNoEmptyContinuation.Format())
		}
	}
	if f.stages, f.global, err = instructions.Parse(parsed.AST, lint); err != nil {
		return err
	}
	for _, node := range parsed.AST.Children {
		switch n := len(f.nodes); {
		case strings.EqualFold(node.Value, "FROM"):
			f.nodes = append(f.nodes, nil)
		case n > 0:
			f.nodes[n-1] = append(f.nodes[n-1], node)
		}
	}
	if len(f.stages) == 0 {
		return errors.New("no FROM: there is no stage to build")
	}
	f.lintStages(lint)
	return nil
}

// frontend refuses what "# syntax=" names unless it is the Dockerfile language, which this package reads
// itself, whatever its version.
func frontend(ref string) error {
	name, _, _ := strings.Cut(ref, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	for _, host := range []string{"docker.io/", "index.docker.io/", "registry-1.docker.io/"} {
		name = strings.TrimPrefix(name, host)
	}
	switch name {
	case "docker/dockerfile", "docker/dockerfile-upstream":
		return nil
	}
	return errs.WithHint(errs.Unsupportedf("frontend %q is not supported: rc reads the Dockerfile language itself and runs no other frontend", ref),
		"a Dockerfile has # syntax=docker/dockerfile:1, or no such line")
}
