package dockerfile

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"github.com/rc-containers/rc/pkg/spec"
)

// PlanOptions are what FROM and ARG depend on.
type PlanOptions struct {
	Args   map[string]string // --build-arg
	Target string            // name or number of a stage, "" for the last
	// Platform is what is built for, BuildPlatform the machine's: os/arch[/variant].
	Platform, BuildPlatform string
	// From replaces the image of the first FROM.
	From string
	// Contexts has the names of --build-context: they come before stages and images.
	Contexts map[string]bool
}

// Plan is the stages that a target needs, each after those that it needs itself; the target is the last.
type Plan struct {
	Stages []*Stage
	// Warnings are those of the whole file and of FROM; each Step has its own.
	Warnings []Warning
	// Epoch is SOURCE_DATE_EPOCH as a build argument, in seconds since 1970.
	Epoch *int64

	file       *File
	options    PlanOptions
	check      linter.Config
	predefined *env
	global     *env
	contexts   map[string]string // --build-context by contextName
	all        []*Stage
	named      map[string]*Stage

	mu       sync.Mutex // of declared, since stages may be gone through at once
	declared map[string]bool
}

// Plan says which stages the target needs, and what they are made from. Its errors are of type *Error.
func (f *File) Plan(o PlanOptions) (*Plan, error) {
	p := &Plan{file: f, options: o, check: f.check, named: map[string]*Stage{}, declared: map[string]bool{}, contexts: map[string]string{}}
	if err := p.prepare(); err != nil {
		return nil, f.located(err)
	}
	lint := f.linter(p.check, &p.Warnings)
	f.lintDefaults(p.predefined, lint)
	for i := range f.stages {
		if err := p.add(&f.stages[i], lint.WithMergedConfigFromComments(f.stages[i].Comments)); err != nil {
			return nil, f.at(err, lines(f.stages[i].Location))
		}
	}
	if len(p.all) == 1 {
		p.all[0].titled = ""
	}
	target, err := p.target()
	if err != nil {
		return nil, f.located(err)
	}
	if err := p.need(target); err != nil {
		return nil, err
	}
	slices.SortFunc(p.Stages, func(a, b *Stage) int { return a.Index - b.Index })
	return p, f.violations(p.check, p.Warnings)
}

// prepare reads what is outside of stages: platforms, contexts, global arguments and those that steer BuildKit.
func (p *Plan) prepare() error {
	f, o := p.file, p.options
	if syntax := o.Args[argSyntax]; syntax != "" {
		if err := frontend(syntax); err != nil {
			return err
		}
	}
	if check, ok := o.Args[argCheck]; ok {
		config, err := linter.ParseLintOptions(check)
		if err != nil {
			return fmt.Errorf("build argument %s: %w", argCheck, err)
		}
		p.check = *config
	}
	target, err := parsePlatform(o.Platform)
	if err != nil {
		return fmt.Errorf("platform: %w", err)
	}
	build, err := parsePlatform(o.BuildPlatform)
	if err != nil {
		return fmt.Errorf("build platform: %w", err)
	}
	for name := range o.Contexts {
		p.contexts[contextName(name)] = name
	}
	p.Warnings = slices.Clone(f.warnings)
	stage := o.Target
	if stage == "" {
		stage = f.stages[len(f.stages)-1].Name
	}
	if stage == "" {
		stage = "default"
	}
	p.predefined = platformArgs(target, build, stage)
	for name, value := range o.Args {
		if _, ok := p.predefined.Get(name); ok {
			p.predefined.set(name, value)
		}
	}
	if p.global, err = f.globalArgs(p.predefined, o.Args); err != nil {
		return err
	}
	for _, c := range f.global {
		p.declare(declared([]instructions.Command{&c}))
	}
	p.Epoch, err = epoch(o.Args, p.global)
	return err
}

// add makes the next stage of its FROM.
func (p *Plan) add(from *instructions.Stage, lint *linter.Linter) error {
	i := len(p.all)
	s := &Stage{Index: i, Name: from.Name, Lines: lines(from.Location), plan: p, nodes: p.file.nodes[i]}
	if s.Name == "" {
		s.Name = "stage-" + strconv.Itoa(i)
	}
	s.titled = s.Name
	p.declare(declared(from.Commands))
	name, err := p.expand(from.BaseName, from, lint)
	if err != nil {
		return err
	}
	if i == 0 && p.options.From != "" {
		name = p.options.From
	}
	if strings.TrimSpace(name) == "" {
		return fmt.Errorf("the name of the base is empty: %s", from.BaseName)
	}
	platform, err := p.platform(from, lint)
	if err != nil {
		return err
	}
	_, replaced := p.contexts[contextName(from.Name)]
	switch base, ok := p.named[strings.ToLower(name)]; {
	case from.Name != "" && replaced:
		s.From, s.nodes = Source{Context: p.contexts[contextName(from.Name)]}, nil
	case ok && (i > 0 || p.options.From == ""):
		s.From = Source{Stage: base}
		if s.triggers, err = triggersOf(base); err != nil {
			return err
		}
	default:
		s.From = p.outside(name)
	}
	s.From.Platform = platform
	p.all = append(p.all, s)
	if from.Name != "" {
		p.named[strings.ToLower(from.Name)] = s
	}
	return nil
}

// expand expands the name of a base.
func (p *Plan) expand(name string, from *instructions.Stage, lint *linter.Linter) (string, error) {
	r, err := shell.NewLex(p.file.escape).ProcessWordWithMatches(name, p.global)
	p.lintUndeclared(r.Unmatched, from, lint)
	return r.Result, err
}

// platform is FROM --platform, normalized.
func (p *Plan) platform(from *instructions.Stage, lint *linter.Linter) (string, error) {
	if from.Platform == "" {
		return "", nil
	}
	r, err := shell.NewLex(p.file.escape).ProcessWordWithMatches(from.Platform, p.global)
	p.lintUndeclared(r.Unmatched, from, lint)
	if err != nil {
		return "", fmt.Errorf("--platform: %w", err)
	}
	if r.Result == "" {
		unknown := ""
		for _, name := range slices.Sorted(maps.Keys(r.Unmatched)) {
			unknown = meant(name, p.global.Keys())
		}
		return "", fmt.Errorf("--platform=%s is empty%s", from.Platform, unknown)
	}
	platform, err := parsePlatform(r.Result)
	if err != nil {
		return "", fmt.Errorf("--platform: %w", err)
	}
	lintPlatform(from, r, platform, p.global, lint)
	return formatPlatform(platform), nil
}

func (p *Plan) lintUndeclared(unmatched map[string]struct{}, from *instructions.Stage, lint *linter.Linter) {
	for _, name := range slices.Sorted(maps.Keys(unmatched)) {
		if !p.declared[name] {
			near := spec.Nearest(name, p.global.Keys())
			lint.Run(&linter.RuleUndefinedArgInFrom, from.Location, linter.RuleUndefinedArgInFrom.Format(name, near))
		}
	}
}

// lintPlatform warns of a --platform that says nothing, or that is the same for every build.
func lintPlatform(from *instructions.Stage, r shell.ProcessWordResult, platform spec.Platform, global *env, lint *linter.Linter) {
	if len(r.Matched) == 0 && len(r.Unmatched) == 0 {
		if !strings.Contains(from.Name, platform.OS) && !strings.Contains(from.Name, platform.Arch) {
			lint.Run(&linter.RuleFromPlatformFlagConstDisallowed, from.Location, linter.RuleFromPlatformFlagConstDisallowed.Format(r.Result))
		}
		return
	}
	if _, target := r.Matched["TARGETPLATFORM"]; target && len(r.Matched) == 1 && len(r.Unmatched) == 0 {
		if v, _ := global.Get("TARGETPLATFORM"); v == r.Result {
			lint.Run(&linter.RuleRedundantTargetPlatform, from.Location, linter.RuleRedundantTargetPlatform.Format(from.Platform))
		}
	}
}

// target is the stage that is built.
func (p *Plan) target() (*Stage, error) {
	want := p.options.Target
	if want == "" {
		return p.all[len(p.all)-1], nil
	}
	if s, ok := p.named[strings.ToLower(want)]; ok {
		return s, nil
	}
	var names []string
	for _, s := range p.all {
		if want == s.Name || want == strconv.Itoa(s.Index) {
			return s, nil
		}
		names = append(names, s.Name)
	}
	if near := meant(strings.ToLower(want), names); near != "" {
		return nil, fmt.Errorf("there is no stage %q%s", want, near)
	}
	return nil, fmt.Errorf("there is no stage %q: the stages are %s", want, strings.Join(names, ", "))
}

// need adds a stage and those that it needs to the plan.
func (p *Plan) need(s *Stage) error {
	if slices.Contains(p.Stages, s) {
		return nil
	}
	p.Stages = append(p.Stages, s)
	if s.From.Stage != nil {
		s.Needs = append(s.Needs, s.From.Stage)
	}
	for _, node := range slices.Concat(s.triggers, s.nodes) {
		if err := p.refer(s, node); err != nil {
			return p.file.at(err, [2]int{node.StartLine, node.EndLine})
		}
	}
	for _, other := range s.Needs {
		if err := p.need(other); err != nil {
			return err
		}
	}
	return nil
}

// quiet is a linter for what is parsed a second time.
func quiet() *linter.Linter { return linter.New(&linter.Config{SkipAll: true}) }

// refer adds the stages that an instruction's --from and --mount=from= name to those that s needs.
func (p *Plan) refer(s *Stage, node *parser.Node) error {
	parsed, err := instructions.ParseInstructionWithLinter(node, quiet())
	if err != nil {
		return err
	}
	flag, refs := "--from", []string(nil)
	switch c := parsed.(type) {
	case *instructions.CopyCommand:
		refs = []string{c.From}
	case *instructions.RunCommand:
		flag = "--mount"
		for _, m := range instructions.GetMounts(c) {
			refs = append(refs, m.From)
		}
	}
	for _, ref := range refs {
		if ref == "" {
			continue
		}
		if word, _, err := shell.NewLex('\\').ProcessWord(ref, &env{}); err == nil && word != ref {
			return fmt.Errorf("%s: %q has a variable, and none is expanded here: give a stage \"FROM %s\" a name, and use that", flag, ref, ref)
		}
		source, err := p.from(s, ref)
		if err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
		if source.Stage != nil && !slices.Contains(s.Needs, source.Stage) {
			s.Needs = append(s.Needs, source.Stage)
		}
	}
	return nil
}

// triggersOf are the ONBUILDs of a stage, for a stage that is made from it.
func triggersOf(base *Stage) ([]*parser.Node, error) {
	var triggers []*parser.Node
	for _, node := range base.nodes {
		if !strings.EqualFold(node.Value, "ONBUILD") {
			continue
		}
		parsed, err := instructions.ParseInstructionWithLinter(node, quiet())
		if err != nil {
			return nil, err
		}
		if c, ok := parsed.(*instructions.OnbuildCommand); ok {
			trigger, err := parseTrigger(c.Expression)
			if err != nil {
				return nil, err
			}
			trigger.StartLine, trigger.EndLine = node.StartLine, node.EndLine
			triggers = append(triggers, trigger)
		}
	}
	return triggers, nil
}

// parseTrigger reads the instruction of an ONBUILD.
func parseTrigger(text string) (*parser.Node, error) {
	parsed, err := parser.Parse(bytes.NewReader([]byte(text)))
	if err != nil {
		return nil, fmt.Errorf("ONBUILD %s: %w", text, err)
	}
	if len(parsed.AST.Children) != 1 {
		return nil, fmt.Errorf("ONBUILD %q: %w", text, errors.New("want one instruction"))
	}
	return parsed.AST.Children[0], nil
}
