package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"

	"github.com/rc-containers/rc/pkg/errs"
)

// Repository is a commit of a git repository, as REPOSITORY[#REF[:DIRECTORY]] or by the parameters of a URL.
type Repository = dfgitutil.GitRef

// ParseRepository reads one as docker does. A URL of something else is not one: nil. github.com/USER/REPOSITORY, which
// could be a path, is IndistinguishableFromLocal.
func ParseRepository(value string) (*Repository, error) {
	ref, isGit, err := dfgitutil.ParseGitRef(value)
	if !isGit {
		return nil, nil
	}
	if err != nil {
		return nil, errs.Invalidf("%w", err)
	}
	if ref.IndistinguishableFromLocal {
		ref.Remote = "https://" + ref.Remote
	}
	if strings.HasPrefix(ref.Ref, "-") || strings.HasPrefix(ref.Remote, "-") {
		return nil, errs.Invalidf("it looks like an option of git")
	}
	return ref, nil
}

// Git says how the program is called.
type Git struct {
	// Env is its environment; CleanEnv is one without the user's settings.
	Env []string
	// KeepDir leaves .git in the directory.
	KeepDir bool
}

// CleanEnv has what git needs to reach servers, and no settings.
func CleanEnv() []string {
	env := []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "HOME=/nonexistent", "LC_ALL=C"}
	for _, name := range []string{
		"PATH", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// Commit asks the repository which commit a Repository is: that of its checksum where it has a whole one.
func (g Git) Commit(ctx context.Context, ref *Repository) (string, error) {
	if isCommit(ref.Checksum) && ref.FetchByCommit {
		return ref.Checksum, nil
	}
	if isCommit(ref.Ref) {
		return ref.Ref, check(ref, ref.Ref)
	}
	c := call{env: g.Env}
	lines := c.output(ctx, "ls-remote", ref.Remote, name(ref), name(ref)+"^{}")
	if c.err != nil {
		return "", c.err
	}
	commit := pickCommit(lines, name(ref))
	if commit == "" {
		return "", fmt.Errorf("%s has no %q: %w", ref.Remote, name(ref), errs.ErrNotFound)
	}
	return commit, check(ref, commit)
}

// pickCommit chooses of what ls-remote says: it takes a name for the end of one. Branches come before tags, and of an annotated
// tag it is the commit that counts.
func pickCommit(lines, name string) string {
	found := map[string]string{}
	for line := range strings.Lines(lines) {
		if commit, ref, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && isCommit(commit) {
			found[ref] = commit
		}
	}
	for _, ref := range []string{name, "refs/heads/" + name, "refs/tags/" + name, "refs/" + name} {
		if commit := found[ref+"^{}"]; commit != "" {
			return commit
		}
		if commit := found[ref]; commit != "" {
			return commit
		}
	}
	return ""
}

// isCommit says whether a word is a whole commit: 40 hexadecimal digits, or 64 in repositories with SHA-256.
func isCommit(word string) bool {
	return (len(word) == 40 || len(word) == 64) && strings.Trim(word, "0123456789abcdef") == ""
}

func name(ref *Repository) string {
	if ref.Ref == "" {
		return "HEAD"
	}
	return ref.Ref
}

// check compares a commit with the one that is asked for.
func check(ref *Repository, commit string) error {
	if ref.Checksum != "" && !strings.HasPrefix(commit, ref.Checksum) {
		return errs.Invalidf("%q is commit %s, not %s", name(ref), commit, ref.Checksum)
	}
	return nil
}

// Checkout fetches a commit of a repository and its submodules into an empty directory; "" is what the Repository's name stands
// for. It gives the directory that the Repository names.
func (g Git) Checkout(ctx context.Context, ref *Repository, commit, dir string) (string, error) {
	want := commit
	if want == "" {
		want = name(ref)
	}
	c := call{dir: dir, env: g.Env}
	c.output(ctx, "init", "--quiet")
	c.output(ctx, "remote", "add", "origin", ref.Remote)
	got := c.fetch(ctx, ref, want)
	c.output(ctx, "-c", "advice.detachedHead=false", "checkout", "--quiet", got)
	if ref.Checksum != "" && c.err == nil {
		c.err = check(ref, c.output(ctx, "rev-parse", "HEAD"))
	}
	if ref.Submodules == nil || *ref.Submodules {
		c.output(ctx, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")
	}
	if c.err != nil {
		return "", c.err
	}
	if keep := g.KeepDir || ref.KeepGitDir != nil && *ref.KeepGitDir; !keep {
		if err := removeGit(dir); err != nil {
			return "", err
		}
	}
	return within(dir, ref.SubDir)
}

// removeGit deletes .git, and the files in submodules that stand for it.
func removeGit(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() != ".git" {
			return err
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		if d.IsDir() {
			return filepath.SkipDir
		}
		return nil
	})
}

// within is a directory of a checked-out repository; a link in it must not lead out.
func within(dir, sub string) (string, error) {
	if sub == "" || path.Clean("/"+sub) == "/" {
		return dir, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = root.Close() }()
	name := strings.TrimPrefix(path.Clean("/"+sub), "/")
	st, err := root.Stat(name)
	if err != nil {
		return "", fmt.Errorf("directory %q of the repository: %w", sub, errors.Unwrap(err))
	}
	if !st.IsDir() {
		return "", errs.Invalidf("%q of the repository: it is not a directory", sub)
	}
	return filepath.EvalSymlinks(filepath.Join(dir, name))
}

// call runs git in one directory until something fails.
type call struct {
	dir string
	env []string
	err error
}

// fetch gets one commit, and gives a name for it. Servers need not give commits by their number: then all branches are
// fetched.
func (c *call) fetch(ctx context.Context, ref *Repository, want string) string {
	c.output(ctx, "fetch", "--quiet", "--depth=1", "origin", want)
	if c.err == nil || !isCommit(want) || ctx.Err() != nil {
		return "FETCH_HEAD"
	}
	c.err = nil
	c.output(ctx, "fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
	if ref.Ref != "" && !isCommit(ref.Ref) {
		c.output(ctx, "fetch", "--quiet", "origin", ref.Ref)
	}
	return want
}

func (c *call) output(ctx context.Context, args ...string) string {
	if c.err != nil {
		return ""
	}
	program, err := exec.LookPath("git")
	if err != nil {
		c.err = errs.WithCheck(errs.Unsupportedf("git is not installed"), "sudo apt-get install git", "helpers")
		return ""
	}
	var problem bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Stderr = c.dir, &problem
	// Nobody may be there to answer.
	cmd.Env = append(c.env, "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		c.err = errors.New("interrupted")
	case err != nil:
		lines := strings.Split(strings.TrimSpace(problem.String()), "\n")
		c.err = fmt.Errorf("git %s: %s", args[0], lines[len(lines)-1])
	}
	return strings.TrimSpace(string(out))
}
