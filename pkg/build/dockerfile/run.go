package dockerfile

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// scripts is the directory that the here-document of a RUN is bound at where it is a script with a #! line.
const scripts = "/dev/pipes"

// run is RUN.
func (st *Steps) run(step *Step, c *instructions.RunCommand) error {
	r := &Run{Env: st.env.list(), Hidden: proxyEnv(st.stage.plan.options.Args), Hostname: st.stage.plan.options.Args[argHostname]}
	args, err := r.words(c)
	if err != nil {
		return err
	}
	if r.Args = args; c.PrependShell {
		r.Args = st.shell(args)
	}
	if network := instructions.GetNetwork(c); network != instructions.NetworkDefault {
		r.Network = network
	}
	if security := instructions.GetSecurity(c); security != instructions.SecuritySandbox {
		r.Security = security
	}
	for _, d := range instructions.GetDevices(c) {
		r.Devices = append(r.Devices, Device{Name: d.Name, Required: d.Required})
	}
	sockets := 0
	for _, m := range instructions.GetMounts(c) {
		mount, err := st.mount(m, &sockets)
		if err != nil {
			return fmt.Errorf("--mount: %w", err)
		}
		r.Mounts = append(r.Mounts, mount)
		if _, ok := st.env.Get("SSH_AUTH_SOCK"); !ok && mount.Type == "ssh" && sockets == 1 {
			r.Env = append(r.Env, "SSH_AUTH_SOCK="+mount.Target)
		}
	}
	step.Run = r
	step.Text = st.shownRun(step.Text, c)
	step.CreatedBy = "RUN " + st.history(r.Args) + " # buildkit"
	return nil
}

// words are those of the command, with its here-documents: one alone is the command itself (a script where it
// begins with #!), others are for the shell to read.
func (r *Run) words(c *instructions.RunCommand) ([]string, error) {
	if len(c.Files) == 0 {
		return c.CmdLine, nil
	}
	if len(c.CmdLine) != 1 || !c.PrependShell {
		return nil, errors.New("a here-document needs the shell: write the command without brackets")
	}
	if parser.MustParseHeredoc(c.CmdLine[0]) == nil {
		var b strings.Builder
		b.WriteString(c.CmdLine[0])
		for _, file := range c.Files {
			b.WriteString("\n" + file.Data + file.Name)
		}
		return []string{b.String()}, nil
	}
	data := c.Files[0].Data
	if c.Files[0].Chomp {
		data = parser.ChompHeredocContent(data)
	}
	if strings.HasPrefix(data, "#!") {
		r.Script = &Inline{Name: c.Files[0].Name, Data: data}
		return []string{path.Join(scripts, c.Files[0].Name)}, nil
	}
	return []string{data}, nil
}

// shownRun is a RUN as progress shows it: variables that are known are expanded, quotes stay; of a here-document the
// first line is shown; a secret's variable is not.
func (st *Steps) shownRun(text string, c *instructions.RunCommand) string {
	if len(c.Files) > 0 && parser.MustParseHeredoc(c.CmdLine[0]) != nil {
		first, _, more := strings.Cut(strings.TrimSpace(c.Files[0].Data), "\n")
		if first = strings.TrimSuffix(first, "\r"); more {
			first += "..."
		}
		text += " (" + first + ")"
	}
	known := st.env.clone()
	for _, m := range instructions.GetMounts(c) {
		if m.Type == instructions.MountTypeSecret && m.Env != nil {
			known.set(*m.Env, "****")
		}
	}
	lex := shell.NewLex(st.stage.plan.file.escape)
	lex.RawQuotes, lex.RawEscapes, lex.SkipUnsetEnv = true, true, true
	if expanded, _, err := lex.ProcessWord(text, known); err == nil {
		return expanded
	}
	return text
}

// history is a command for the image's history: the build arguments that it can see, and its words.
func (st *Steps) history(args []string) string {
	var words []string
	if len(st.args) > 0 {
		words = append(words, "|"+strconv.Itoa(len(st.args)))
		for _, name := range st.args {
			value, _ := st.env.Get(name)
			words = append(words, name+"="+value)
		}
	}
	return strings.Join(append(words, args...), " ")
}
