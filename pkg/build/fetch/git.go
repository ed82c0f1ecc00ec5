package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"

	"github.com/rc-containers/rc/pkg/build/origin"
	"github.com/rc-containers/rc/pkg/errs"
)

// parseGit reads REPOSITORY[#REF[:DIRECTORY]] as docker does; a URL of something else is not one.
func parseGit(value string) (*dfgitutil.GitRef, bool, error) {
	ref, isGit, err := dfgitutil.ParseGitRef(value)
	if !isGit {
		return nil, false, nil
	}
	if err != nil {
		return nil, true, errs.Invalidf("%w", err)
	}
	if ref.IndistinguishableFromLocal {
		ref.Remote = "https://" + ref.Remote
	}
	return ref, true, nil
}

// checkout fetches one commit of a repository, and its submodules.
func checkout(ctx context.Context, ref *dfgitutil.GitRef, r origin.Request) (f origin.Fetched, err error) {
	dir := filepath.Join(r.Dir, "context")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return f, err
	}
	want := "HEAD"
	if ref.Ref != "" {
		want = ref.Ref
	}
	if strings.HasPrefix(want, "-") || strings.HasPrefix(ref.Remote, "-") {
		return f, errs.Invalidf("it looks like an option of git")
	}
	g := git{dir: dir}
	g.run(ctx, "init", "--quiet")
	g.run(ctx, "remote", "add", "origin", ref.Remote)
	g.run(ctx, "fetch", "--quiet", "--depth=1", "origin", want)
	g.run(ctx, "-c", "advice.detachedHead=false", "checkout", "--quiet", "FETCH_HEAD")
	if ref.Checksum != "" && g.err == nil {
		if head := g.output(ctx, "rev-parse", "HEAD"); !strings.HasPrefix(head, ref.Checksum) {
			g.err = errs.Invalidf("%q is commit %s, not %s", want, head, ref.Checksum)
		}
	}
	if ref.Submodules == nil || *ref.Submodules {
		g.run(ctx, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")
	}
	if g.err != nil {
		return f, g.err
	}
	if keep := r.KeepGit || ref.KeepGitDir != nil && *ref.KeepGitDir; !keep {
		if err := os.RemoveAll(filepath.Join(dir, ".git")); err != nil {
			return f, err
		}
	}
	f.Dir, err = within(dir, ref.SubDir)
	return f, err
}

// git runs the program in one directory until something fails.
type git struct {
	dir string
	err error
}

func (g *git) run(ctx context.Context, args ...string) { g.output(ctx, args...) }

func (g *git) output(ctx context.Context, args ...string) string {
	if g.err != nil {
		return ""
	}
	program, err := exec.LookPath("git")
	if err != nil {
		g.err = errs.WithHint(errs.Unsupportedf("git is not installed"), "sudo apt-get install git")
		return ""
	}
	var problem bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Stderr = g.dir, &problem
	// Nobody may be there to answer.
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		g.err = errors.New("interrupted")
	case err != nil:
		lines := strings.Split(strings.TrimSpace(problem.String()), "\n")
		g.err = fmt.Errorf("git %s: %s", args[0], lines[len(lines)-1])
	}
	return strings.TrimSpace(string(out))
}
