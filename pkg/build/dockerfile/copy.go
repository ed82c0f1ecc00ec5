package dockerfile

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// copy is COPY.
func (st *Steps) copy(step *Step, c *instructions.CopyCommand) error {
	out := &Copy{
		From: &Source{Build: true}, Chown: c.Chown, Chmod: c.Chmod, Link: c.Link, Parents: c.Parents, Exclude: c.ExcludePatterns,
	}
	if c.From != "" {
		source, err := st.stage.plan.from(st.stage, c.From)
		if err != nil {
			return fmt.Errorf("--from: %w", err)
		}
		out.From = &source
	}
	return st.files(step, out, c.SourcesAndDest, "COPY")
}

// add is ADD.
func (st *Steps) add(step *Step, c *instructions.AddCommand) error {
	out := &Copy{
		From: &Source{Build: true}, Chown: c.Chown, Chmod: c.Chmod, Link: c.Link, Exclude: c.ExcludePatterns, Add: true,
		Checksum: c.Checksum, Unpack: c.Unpack, KeepGit: c.KeepGitDir != nil && *c.KeepGitDir,
	}
	if c.Checksum != "" {
		if len(c.SourcePaths) != 1 || len(c.SourceContents) > 0 {
			return errors.New("--checksum is of one source: there are several")
		}
		if kind, _ := remote(c.SourcePaths[0]); kind == local {
			return fmt.Errorf("--checksum is for URLs and git repositories: %q is a file of the context", c.SourcePaths[0])
		}
	}
	return st.files(step, out, c.SourcesAndDest, "ADD")
}

// files is what COPY and ADD have in common.
func (st *Steps) files(step *Step, out *Copy, c instructions.SourcesAndDest, name string) error {
	if out.Link && byName(out.Chown) {
		return fmt.Errorf("--chown=%s: a layer that is linked knows no names of users: want numbers", out.Chown)
	}
	if err := checkMode(out.Chmod); err != nil {
		return err
	}
	history := []string{name}
	if out.Parents {
		history = append(history, "--parents")
	}
	if out.Chown != "" {
		history = append(history, "--chown="+out.Chown)
	}
	if out.Chmod != "" {
		history = append(history, "--chmod="+out.Chmod)
	}
	for _, source := range c.SourcePaths {
		kind, err := remote(source)
		if err != nil {
			return err
		}
		if kind != local && !out.Add {
			return fmt.Errorf("%s: COPY reads files of the context: ADD reads %ss", source, kind)
		}
		out.Sources = append(out.Sources, source)
		history = append(history, source)
	}
	for _, inline := range c.SourceContents {
		out.Inline = append(out.Inline, Inline{Name: inline.Path, Data: inline.Data})
		history = append(history, "<<"+inline.Path)
	}
	out.Dest = st.destination(c.DestPath)
	step.Copy = out
	step.Text = st.shown(step.Text)
	step.CreatedBy = strings.Join(append(history, c.DestPath, "# buildkit"), " ")
	return nil
}

// destination is an absolute path that ends as it was written: in / or /. for a directory.
func (st *Steps) destination(p string) string {
	if p == "" || p == "." {
		p = "./"
	}
	out := path.Join("/", st.config.WorkingDir, p)
	if path.IsAbs(p) {
		out = path.Clean(p)
	}
	if out != "/" && (strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.")) {
		out += "/"
	}
	return out
}

// Kinds of a source, as messages call them.
const (
	local = "file"
	url   = "URL"
	git   = "git repositorie"
)

// remote says what kind of source a word of ADD is.
func remote(source string) (string, error) {
	ref, isGit, err := dfgitutil.ParseGitRef(source)
	switch {
	case err != nil && isGit:
		return "", fmt.Errorf("git repository %s: %w", source, err)
	case err == nil && !ref.IndistinguishableFromLocal:
		return git, nil
	case strings.HasPrefix(source, "http://"), strings.HasPrefix(source, "https://"):
		return url, nil
	}
	return local, nil
}

// byName reports whether an owner has to be looked up.
func byName(owner string) bool {
	for _, id := range strings.SplitN(owner, ":", 2) {
		if _, err := strconv.ParseUint(id, 10, 32); id != "" && err != nil {
			return true
		}
	}
	return false
}

// symbolic is a mode as chmod(1) has it: u+x,go=rX.
var symbolic = regexp.MustCompile(`^[ugoa]*([-+=]([rwxXst]*|[ugo]))+(,[ugoa]*([-+=]([rwxXst]*|[ugo]))+)*$`)

func checkMode(mode string) error {
	if mode == "" || symbolic.MatchString(mode) {
		return nil
	}
	if n, err := strconv.ParseUint(mode, 8, 32); err != nil || n > 0o7777 {
		return fmt.Errorf("--chmod %q: want an octal number from 0 to 7777, or changes such as u+x,go-w", mode)
	}
	return nil
}
