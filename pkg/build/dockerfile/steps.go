package dockerfile

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/buildkit/util/suggest"

	"github.com/rc-containers/rc/pkg/index"
)

// Steps are the instructions of one stage, as they are carried out one after the other.
type Steps struct {
	stage *Stage
	todo  []instruction
	lint  *linter.Linter
	lex   *shell.Lex

	config index.Config
	author string
	// env is the environment of RUN and of expansion: the image's, and ARGs.
	env *env
	// args are the names of ARGs, in their order, for the history.
	args []string

	warnings      []Warning
	number, total int
	seen          map[string][]parser.Range // CMD, ENTRYPOINT, HEALTHCHECK of this stage
	workdir       bool                      // there was a WORKDIR
}

// instruction is one that is to come: of the stage, or a trigger of its base.
type instruction struct {
	node    *parser.Node
	trigger bool
}

// defaultPath is the PATH of an image that has none.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Begin starts the stage on its base, whose configuration it is given (none for scratch; for another stage, that
// of its last Step, or what it began with). A stage that this one is made from has been gone through to io.EOF before.
func (s *Stage) Begin(base index.Config) (*Steps, error) {
	st := &Steps{
		stage: s, lex: shell.NewLex(s.plan.file.escape), config: cloneConfig(base), env: &env{},
		seen: map[string][]parser.Range{},
	}
	st.lint = s.plan.file.linter(s.plan.check, &st.warnings)
	triggers := s.triggers
	if b := s.From.Stage; b != nil {
		if b.end == nil {
			return nil, fmt.Errorf("stage %s: begun before %s, which it is made from, has ended", s.Name, b.Name)
		}
		st.env, st.args, st.workdir = b.end.env.clone(), slices.Clone(b.end.args), b.end.workdir
	} else {
		for _, text := range st.config.OnBuild {
			node, err := parseTrigger(text)
			if err != nil {
				return nil, s.plan.file.at(err, s.Lines)
			}
			node.StartLine, node.EndLine = s.Lines[0], s.Lines[1]
			triggers = append(triggers, node)
		}
	}
	st.config.OnBuild = nil
	st.start()
	for _, node := range triggers {
		st.todo = append(st.todo, instruction{node, true})
	}
	for _, node := range s.nodes {
		st.todo = append(st.todo, instruction{node, false})
	}
	if s.shown() {
		st.number, st.total = 1, 1
	}
	for _, i := range st.todo {
		if changesFiles(i.node) {
			st.total++
		}
	}
	return st, nil
}

// start makes of the base's configuration what instructions begin with.
func (st *Steps) start() {
	c := &st.config
	if st.stage.From.Scratch {
		c.WorkingDir = "/"
	}
	if !slices.ContainsFunc(c.Env, func(kv string) bool { return strings.HasPrefix(kv, "PATH=") }) {
		c.Env = append(c.Env, defaultPath)
	}
	for _, kv := range c.Env {
		k, v, _ := strings.Cut(kv, "=")
		st.env.set(k, v)
	}
	if c.WorkingDir != "" {
		c.WorkingDir = path.Join("/", c.WorkingDir)
	}
}

// Config is the configuration before the next step.
func (st *Steps) Config() index.Config { return cloneConfig(st.config) }

// Title is what progress shows of FROM, with the number of steps that ONBUILD adds; see Stage.Title.
func (st *Steps) Title(image string) string {
	return st.stage.title(1, st.total, "FROM "+image)
}

// Next is the next step, io.EOF at the end. Its errors are of type *Error.
func (st *Steps) Next() (*Step, error) {
	if len(st.todo) == 0 {
		st.stage.end = st
		return nil, io.EOF
	}
	i := st.todo[0]
	st.todo = st.todo[1:]
	step, err := st.step(i)
	at := [2]int{i.node.StartLine, i.node.EndLine}
	f := st.stage.plan.file
	if err != nil {
		if _, ok := errors.AsType[*parser.LocationError](err); ok {
			err = f.located(err)
		}
		return nil, f.at(err, at)
	}
	step.Lines, step.Config, step.Author = at, cloneConfig(st.config), st.author
	step.Warnings, st.warnings = st.warnings, nil
	return step, f.violations(st.stage.plan.check, step.Warnings)
}

// step carries out what an instruction does to the configuration, and says what it does to files.
func (st *Steps) step(i instruction) (*Step, error) {
	parsed, err := instructions.ParseInstructionWithLinter(i.node, quiet())
	if err != nil {
		return nil, err
	}
	cmd, ok := parsed.(instructions.Command)
	if !ok {
		return nil, fmt.Errorf("%s is no instruction of a stage", i.node.Value)
	}
	lint := st.lint.WithMergedConfigFromComments(cmd.Comments())
	if i.trigger {
		st.stage.plan.declare(declared([]instructions.Command{cmd}))
	}
	step := &Step{Text: text(cmd), Trigger: i.trigger}
	if err := st.expand(cmd, lint); err != nil {
		return nil, err
	}
	if err := st.do(step, cmd, lint); err != nil {
		return nil, err
	}
	if changesFiles(i.node) {
		st.number++
		step.Number, step.Total = st.number, st.total
		shown := step.Text
		if i.trigger {
			shown = "ONBUILD " + shown
		}
		step.Title = st.stage.title(st.number, st.total, shown)
	}
	return step, nil
}

// text is an instruction as it is written, its first word in upper case.
func text(cmd instructions.Command) string {
	s, ok := cmd.(fmt.Stringer)
	if !ok {
		return strings.ToUpper(cmd.Name())
	}
	return upperFirst(s.String())
}

func upperFirst(text string) string {
	name, rest, found := strings.Cut(text, " ")
	if !found {
		return strings.ToUpper(text)
	}
	return strings.ToUpper(name) + " " + rest
}

// expand expands variables in those arguments of an instruction where they are expanded. (ARG does it itself: its
// default may not matter.)
func (st *Steps) expand(cmd instructions.Command, lint *linter.Linter) error {
	word := func(lex *shell.Lex) func(string) (string, error) {
		return func(word string) (string, error) {
			expanded, unmatched, err := lex.ProcessWord(word, st.env)
			st.lintUndefined(unmatched, cmd, lint)
			return expanded, err
		}
	}
	if _, arg := cmd.(*instructions.ArgCommand); arg {
		return nil
	}
	if e, ok := cmd.(instructions.SupportsSingleWordExpansion); ok {
		if err := e.Expand(word(st.lex)); err != nil {
			return err
		}
	}
	if e, ok := cmd.(instructions.SupportsSingleWordExpansionRaw); ok {
		raw := shell.NewLex('\\')
		raw.SkipProcessQuotes = true
		return e.ExpandRaw(word(raw))
	}
	return nil
}

func (st *Steps) lintUndefined(unmatched map[string]struct{}, cmd instructions.Command, lint *linter.Linter) {
	for _, name := range slices.Sorted(maps.Keys(unmatched)) {
		if !slices.Contains(st.args, name) {
			near, _ := suggest.Search(name, st.env.Keys(), true)
			lint.Run(&linter.RuleUndefinedVar, cmd.Location(), linter.RuleUndefinedVar.Format(name, near))
		}
	}
}

// do is the instruction itself.
func (st *Steps) do(step *Step, cmd instructions.Command, lint *linter.Linter) error {
	switch c := cmd.(type) {
	case *instructions.RunCommand:
		return st.run(step, c)
	case *instructions.CopyCommand:
		return st.copy(step, c)
	case *instructions.AddCommand:
		return st.add(step, c)
	case *instructions.WorkdirCommand:
		st.chdir(step, c, lint)
		return nil
	}
	step.Empty = true
	return st.configure(step, cmd, lint)
}

// chdir is WORKDIR.
func (st *Steps) chdir(step *Step, c *instructions.WorkdirCommand, lint *linter.Linter) {
	if !st.workdir && !path.IsAbs(c.Path) {
		lint.Run(&linter.RuleWorkdirRelativePath, c.Location(), linter.RuleWorkdirRelativePath.Format(c.Path))
	}
	st.workdir = true
	if path.IsAbs(c.Path) {
		st.config.WorkingDir = path.Clean(c.Path)
	} else {
		st.config.WorkingDir = path.Join("/", st.config.WorkingDir, c.Path)
	}
	step.Text = st.shown(step.Text)
	step.CreatedBy = "WORKDIR " + st.config.WorkingDir
	if step.Empty = st.config.WorkingDir == "/"; !step.Empty {
		step.Workdir = &Workdir{Path: st.config.WorkingDir}
	}
}

// shown is an instruction's text as progress shows it: expanded.
func (st *Steps) shown(text string) string {
	if expanded, _, err := st.lex.ProcessWord(text, st.env); err == nil {
		return expanded
	}
	return text
}

func cloneConfig(c index.Config) index.Config {
	c.Env, c.Cmd, c.Entrypoint = slices.Clone(c.Env), slices.Clone(c.Cmd), slices.Clone(c.Entrypoint)
	c.OnBuild, c.Shell, c.Healthcheck = slices.Clone(c.OnBuild), slices.Clone(c.Shell), slices.Clone(c.Healthcheck)
	c.ExposedPorts, c.Volumes, c.Labels = maps.Clone(c.ExposedPorts), maps.Clone(c.Volumes), maps.Clone(c.Labels)
	return c
}
