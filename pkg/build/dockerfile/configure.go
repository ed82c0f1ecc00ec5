package dockerfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"

	"github.com/rc-containers/rc/pkg/linux"
)

// configure carries out an instruction that changes no files.
func (st *Steps) configure(step *Step, cmd instructions.Command, lint *linter.Linter) error {
	switch c := cmd.(type) {
	case *instructions.ArgCommand:
		return st.arg(step, c, lint)
	case *instructions.EnvCommand:
		return st.setenv(step, c, lint)
	case *instructions.LabelCommand:
		st.label(step, c, lint)
	case *instructions.CmdCommand:
		st.once(c, lint)
		st.config.Cmd = st.argv(c.ShellDependantCmdLine, c, lint)
		st.config.ArgsEscaped = true
		step.CreatedBy = fmt.Sprintf("CMD %q", st.config.Cmd)
	case *instructions.EntrypointCommand:
		st.once(c, lint)
		st.config.Entrypoint = st.argv(c.ShellDependantCmdLine, c, lint)
		if st.seen["CMD"] == nil {
			st.config.Cmd = nil // the base's is for another program
		}
		step.CreatedBy = fmt.Sprintf("ENTRYPOINT %q", st.config.Entrypoint)
	case *instructions.HealthCheckCommand:
		st.once(c, lint)
		data, err := json.Marshal(c.Health)
		if err != nil {
			return err
		}
		st.config.Healthcheck = data
		step.CreatedBy = fmt.Sprintf("HEALTHCHECK %+v", *c.Health)
	case *instructions.ExposeCommand:
		return st.expose(step, c, lint)
	case *instructions.VolumeCommand:
		return st.volume(step, c)
	case *instructions.UserCommand:
		st.config.User = c.User
		step.CreatedBy = "USER " + c.User
	case *instructions.ShellCommand:
		st.config.Shell = c.Shell
		step.CreatedBy = fmt.Sprintf("SHELL %v", c.Shell)
	case *instructions.StopSignalCommand:
		if _, err := linux.Signal(c.Signal); err != nil {
			return err
		}
		st.config.StopSignal = c.Signal
		step.CreatedBy = "STOPSIGNAL " + c.Signal
	case *instructions.OnbuildCommand:
		st.config.OnBuild = append(st.config.OnBuild, c.Expression) // without a line in the history
	case *instructions.MaintainerCommand:
		st.author = c.Maintainer
		step.CreatedBy = "MAINTAINER " + c.Maintainer
	default:
		return fmt.Errorf("%s: rc does not know this instruction", cmd.Name())
	}
	return nil
}

// arg is ARG: the build's value, else its default, else that of an ARG of the same name before the first FROM.
func (st *Steps) arg(step *Step, c *instructions.ArgCommand, lint *linter.Linter) error {
	var words []string
	for _, a := range c.Args {
		st.lintSecret("ARG", a.Key, c, lint)
		value := a.Value
		if given, ok := st.stage.plan.options.Args[a.Key]; ok {
			value = &given
		} else if value != nil {
			expanded, unmatched, err := st.lex.ProcessWord(*value, st.env)
			st.lintUndefined(unmatched, c, lint)
			if err != nil {
				return err
			}
			value = &expanded
		} else if global, ok := st.stage.plan.global.Get(a.Key); ok {
			value = &global
		}
		word := a.Key
		if value != nil {
			if err := checkLength(a.Key, *value); err != nil {
				return err
			}
			word += "=" + *value
			if !sbom(a.Key) {
				st.env.set(a.Key, *value)
			}
		}
		if !slices.Contains(st.args, a.Key) {
			st.args = append(st.args, a.Key)
		}
		words = append(words, word)
	}
	step.CreatedBy = "ARG " + strings.Join(words, " ")
	return nil
}

// sbom reports whether an argument is for BuildKit's scanners: no RUN sees it.
func sbom(name string) bool {
	return name == "BUILDKIT_SBOM_SCAN_CONTEXT" || name == "BUILDKIT_SBOM_SCAN_STAGE"
}

func (st *Steps) setenv(step *Step, c *instructions.EnvCommand, lint *linter.Linter) error {
	step.CreatedBy = "ENV"
	for _, kv := range c.Env {
		if err := checkLength(kv.Key, kv.Value); err != nil {
			return err
		}
		st.lintPair(kv, c, lint)
		st.lintSecret("ENV", kv.Key, c, lint)
		st.env.set(kv.Key, kv.Value)
		st.config.Env = setIn(st.config.Env, kv.Key, kv.Value)
		step.CreatedBy += " " + kv.String()
	}
	return nil
}

// maxVariable is MAX_ARG_STRLEN of Linux, without NAME= and the zero: execve(2) takes no longer variable.
const maxVariable = 128 << 10

// checkLength refuses variables that no process can have, before they are expanded in each other.
func checkLength(name, value string) error {
	if len(name)+len(value)+2 > maxVariable {
		return fmt.Errorf("variable %q is longer than %d bytes: no process can have it", name, maxVariable)
	}
	return nil
}

func (st *Steps) label(step *Step, c *instructions.LabelCommand, lint *linter.Linter) {
	step.CreatedBy = "LABEL"
	if st.config.Labels == nil {
		st.config.Labels = map[string]string{}
	}
	for _, kv := range c.Labels {
		st.lintPair(kv, c, lint)
		st.config.Labels[kv.Key] = kv.Value
		step.CreatedBy += " " + kv.String()
	}
}

func (st *Steps) volume(step *Step, c *instructions.VolumeCommand) error {
	if st.config.Volumes == nil {
		st.config.Volumes = map[string]struct{}{}
	}
	for _, v := range c.Volumes {
		if v == "" {
			return errors.New("VOLUME: a path is empty")
		}
		st.config.Volumes[v] = struct{}{}
	}
	step.CreatedBy = fmt.Sprintf("VOLUME %v", c.Volumes)
	return nil
}

// argv is a command as it is executed: its own words, or the shell with one word.
func (st *Steps) argv(c instructions.ShellDependantCmdLine, cmd instructions.Command, lint *linter.Linter) []string {
	if !c.PrependShell {
		return c.CmdLine
	}
	if len(st.config.Shell) == 0 {
		lint.Run(&linter.RuleJSONArgsRecommended, cmd.Location(), linter.RuleJSONArgsRecommended.Format(cmd.Name()))
	}
	return st.shell(c.CmdLine)
}

// shell is what runs words, joined, as a line of the shell.
func (st *Steps) shell(words []string) []string {
	shell := []string{"/bin/sh", "-c"}
	if len(st.config.Shell) > 0 {
		shell = slices.Clone(st.config.Shell)
	}
	return append(shell, strings.Join(words, " "))
}

// once warns of the second CMD, ENTRYPOINT or HEALTHCHECK of a stage.
func (st *Steps) once(c instructions.Command, lint *linter.Linter) {
	name := strings.ToUpper(c.Name())
	if before := st.seen[name]; before != nil {
		lint.Run(&linter.RuleMultipleInstructionsDisallowed, before, linter.RuleMultipleInstructionsDisallowed.Format(c.Name()))
	}
	st.seen[name] = c.Location()
}

func (st *Steps) lintPair(kv instructions.KeyValuePair, c instructions.Command, lint *linter.Linter) {
	if kv.NoDelim {
		lint.Run(&linter.RuleLegacyKeyValueFormat, c.Location(), linter.RuleLegacyKeyValueFormat.Format(c.Name()))
	}
}

// Words of a variable's name that say that its value is a secret, and those that say that it is not.
var (
	secretWords = []string{"apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"}
	openWords   = []string{"public", "file", "version"}
)

// lintSecret warns of a secret that would be in the image.
func (st *Steps) lintSecret(instruction, name string, c instructions.Command, lint *linter.Linter) {
	words := strings.Split(strings.ToLower(name), "_")
	has := func(of []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(of, w) })
	}
	if has(secretWords) && !has(openWords) {
		lint.Run(&linter.RuleSecretsUsedInArgOrEnv, c.Location(), linter.RuleSecretsUsedInArgOrEnv.Format(instruction, name))
	}
}
