package image

import (
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
)

// A Change is one parsed Dockerfile instruction of --change.
type Change struct {
	// Instruction is in capitals.
	Instruction string
	// Words are the arguments: of a shell-form CMD or ENTRYPOINT one, the command line.
	Words []string
	// JSON says that the arguments were written as a JSON array (the exec form).
	JSON bool
	// Health is HEALTHCHECK's.
	Health *spec.ImageHealth
}

// ChangeInstructions are those that --change takes.
func ChangeInstructions() []string {
	return []string{"CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
}

// ChangeWords are ChangeInstructions for people.
func ChangeWords() string { return strings.Join(ChangeInstructions(), ", ") }

// ParseChanges reads the values of -c/--change: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD,
// STOPSIGNAL, USER, VOLUME and WORKDIR, as `INSTRUCTION arguments` or `INSTRUCTION=arguments`.
func ParseChanges(values []string) ([]Change, error) {
	var out []Change
	for _, v := range values {
		c, err := parseChange(v)
		if err != nil {
			return nil, fmt.Errorf("change %q: %w", v, err)
		}
		out = append(out, c)
	}
	return out, nil
}

func badChange(format string, args ...any) error {
	return errs.Invalidf("%s", fmt.Sprintf(format, args...))
}

func parseChange(value string) (Change, error) {
	text := strings.TrimSpace(value)
	end := strings.IndexAny(text, " \t=")
	if end < 0 {
		return Change{}, badChange("want INSTRUCTION arguments, such as 'CMD [\"sh\"]'")
	}
	c := Change{Instruction: strings.ToUpper(text[:end])}
	rest := strings.TrimSpace(text[end+1:])
	if rest == "" && c.Instruction != "CMD" && c.Instruction != "ENTRYPOINT" {
		return c, badChange("%s has no arguments", c.Instruction)
	}
	var err error
	switch c.Instruction {
	case "CMD", "ENTRYPOINT":
		err = c.execOrShell(rest)
	case "VOLUME":
		if err = c.execOrShell(rest); err == nil && !c.JSON {
			c.Words = strings.Fields(rest)
		}
	case "HEALTHCHECK":
		err = c.healthcheck(rest)
	case "ENV", "LABEL":
		c.Words, err = pairs(rest)
	case "EXPOSE":
		c.Words, err = ports(strings.Fields(rest))
	case "USER", "WORKDIR", "STOPSIGNAL":
		var words []string
		if words, err = split(rest); err == nil && len(words) != 1 {
			err = badChange("%s has one argument", c.Instruction)
		}
		c.Words = words
	case "ONBUILD":
		c.Words = []string{rest}
	default:
		return c, badChange("%s is not one of %s", c.Instruction, ChangeWords())
	}
	return c, err
}

// execOrShell: a JSON array of strings, else a command line.
func (c *Change) execOrShell(rest string) error {
	if strings.HasPrefix(rest, "[") {
		var words []string
		if err := json.Unmarshal([]byte(rest), &words); err == nil {
			c.Words, c.JSON = words, true
			return nil
		} else if strings.HasSuffix(rest, "]") {
			return badChange("%s is not a JSON array of strings (double quotes): %v", rest, err)
		}
	}
	if rest != "" {
		c.Words = []string{rest}
	}
	return nil
}

// pairs reads K=V K2="v 2"…, or the old form K V.
func pairs(rest string) ([]string, error) {
	words, err := split(rest)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(words[0], "=") {
		key, value, ok := strings.Cut(rest, " ")
		if !ok {
			return nil, badChange("%q is not KEY=VALUE", rest)
		}
		return []string{key + "=" + strings.TrimSpace(value)}, nil
	}
	for _, w := range words {
		if key, _, ok := strings.Cut(w, "="); !ok || key == "" {
			return nil, badChange("%q is not KEY=VALUE", w)
		}
	}
	return words, nil
}

// split cuts at white space outside of quotes, as a Dockerfile's ENV does.
func split(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote byte
	in := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			word.WriteByte(s[i])
			in = true
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				word.WriteByte(c)
			}
		case c == '"' || c == '\'':
			quote, in = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if in {
				words = append(words, word.String())
				word.Reset()
			}
			in = false
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if quote != 0 {
		return nil, badChange("a %c is not closed", quote)
	}
	if in {
		words = append(words, word.String())
	}
	if len(words) == 0 {
		return nil, badChange("there is nothing in it")
	}
	return words, nil
}

// ports reads PORT[-PORT][/PROTOCOL]; the protocol is tcp if not given.
func ports(words []string) ([]string, error) {
	var out []string
	for _, w := range words {
		numbers, protocol, found := strings.Cut(w, "/")
		if !found {
			protocol = "tcp"
		}
		if protocol != "tcp" && protocol != "udp" && protocol != "sctp" {
			return nil, badChange("port %q: the protocol is tcp, udp or sctp", w)
		}
		first, second, isRange := strings.Cut(numbers, "-")
		if !isRange {
			second = first
		}
		from, err1 := strconv.ParseUint(first, 10, 16)
		to, err2 := strconv.ParseUint(second, 10, 16)
		if err1 != nil || err2 != nil || from == 0 || to < from {
			return nil, badChange("port %q is not 1-65535, or a range FIRST-LAST of these", w)
		}
		for p := from; p <= to; p++ {
			out = append(out, strconv.FormatUint(p, 10)+"/"+protocol)
		}
	}
	return out, nil
}

// Apply makes the changes to an image's configuration, in order.
func Apply(c *index.Config, changes []Change) {
	shell := c.Shell
	if len(shell) == 0 {
		shell = []string{"/bin/sh", "-c"}
	}
	command := func(ch Change) []string {
		if ch.JSON || len(ch.Words) == 0 {
			return ch.Words
		}
		return append(append([]string{}, shell...), ch.Words...)
	}
	for _, ch := range changes {
		switch ch.Instruction {
		case "CMD":
			c.Cmd = command(ch)
		case "ENTRYPOINT":
			c.Entrypoint = command(ch)
		case "HEALTHCHECK":
			c.Healthcheck = ch.healthcheckJSON()
		case "ENV":
			c.Env = spec.JoinEnv(c.Env, ch.Words)
		case "LABEL":
			for _, w := range ch.Words {
				k, v, _ := strings.Cut(w, "=")
				c.Labels = set(c.Labels, k, v)
			}
		case "EXPOSE":
			for _, p := range ch.Words {
				c.ExposedPorts = set(c.ExposedPorts, p, struct{}{})
			}
		case "VOLUME":
			for _, v := range ch.Words {
				c.Volumes = set(c.Volumes, v, struct{}{})
			}
		case "USER":
			c.User = ch.Words[0]
		case "STOPSIGNAL":
			c.StopSignal = ch.Words[0]
		case "ONBUILD":
			c.OnBuild = append(c.OnBuild, ch.Words[0])
		case "WORKDIR":
			if dir := ch.Words[0]; path.IsAbs(dir) {
				c.WorkingDir = path.Clean(dir)
			} else {
				c.WorkingDir = path.Join("/", c.WorkingDir, dir)
			}
		}
	}
}

func set[V any](m map[string]V, key string, value V) map[string]V {
	if m == nil {
		m = make(map[string]V)
	}
	m[key] = value
	return m
}
