package remote

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
)

// repository makes one with branches main and next and the annotated tag v1, and gives the commits of main and next.
func repository(t *testing.T) (path, first, second string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "app.git")
	script := `set -e
git init --quiet --initial-branch=main "$1"; cd "$1"
git config user.name x; git config user.email x@example.com
mkdir docker; echo 'FROM scratch' > docker/Dockerfile; ln -s / docker/out
git add .; git commit --quiet -m 1; git tag -a -m v1 v1
git checkout --quiet -b next; echo 2 > second; git add .; git commit --quiet -m 2; git checkout --quiet main
git rev-parse main next`
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script, "sh", path).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	commits := strings.Fields(string(out))
	return path, commits[0], commits[1]
}

func parse(t *testing.T, path, fragment string) (*Repository, error) {
	t.Helper()
	ref, err := ParseRepository("https://example.com/app.git" + fragment)
	if err == nil && ref == nil {
		t.Fatalf("%q is no repository", fragment)
	}
	if err == nil {
		ref.Remote = "file://" + path
	}
	return ref, err
}

// TestGit: branches, tags, commits, a directory, a link that leads out, and what is not there.
func TestGit(t *testing.T) {
	path, first, second := repository(t)
	for fragment, want := range map[string]struct{ commit, file string }{
		"":                             {first, "docker/Dockerfile"},
		"#next":                        {second, "second"},
		"#v1":                          {first, "docker/Dockerfile"},
		"?tag=v1":                      {first, "docker/Dockerfile"},
		"?branch=next":                 {second, "second"},
		"#" + first:                    {first, "docker/Dockerfile"},
		"#main:docker":                 {first, "Dockerfile"},
		"?ref=next&checksum=" + second: {second, "second"},
	} {
		ref, err := parse(t, path, fragment)
		if err != nil {
			t.Errorf("%q: %v", fragment, err)
			continue
		}
		g := Git{Env: CleanEnv()}
		commit, err := g.Commit(t.Context(), ref)
		if err != nil || commit != want.commit {
			t.Errorf("%q: commit %q, %v, want %s", fragment, commit, err, want.commit)
			continue
		}
		for _, commit := range []string{"", commit} {
			dir, err := g.Checkout(t.Context(), ref, commit, t.TempDir())
			if err != nil {
				t.Errorf("%q: %v", fragment, err)
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, want.file)); err != nil {
				t.Errorf("%q: %v", fragment, err)
			}
			if _, err := os.Stat(filepath.Join(dir, ".git")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%q: .git is there: %v", fragment, err)
			}
		}
	}
	for _, fragment := range []string{
		"#none", "#main:none", "#main:docker/out", "#main:docker/Dockerfile", "#--upload-pack=x", "?ref=main&checksum=" + second,
	} {
		ref, err := parse(t, path, fragment)
		if err == nil {
			_, err = Git{Env: CleanEnv()}.Checkout(t.Context(), ref, "", t.TempDir())
		}
		if err == nil {
			t.Errorf("%q: no error", fragment)
		}
	}
}

func TestKeepGit(t *testing.T) {
	path, first, _ := repository(t)
	ref, err := parse(t, path, "")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := Git{Env: CleanEnv(), KeepDir: true}.Checkout(t.Context(), ref, first, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		t.Error(err)
	}
}

func TestNoCommit(t *testing.T) {
	path, _, _ := repository(t)
	ref, err := parse(t, path, "#none")
	if err != nil {
		t.Fatal(err)
	}
	if commit, err := (Git{Env: CleanEnv()}).Commit(t.Context(), ref); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("%q, %v", commit, err)
	}
}
