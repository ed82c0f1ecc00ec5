package files

import (
	"context"
	"fmt"
	"os"

	"github.com/rc-containers/rc/pkg/build/remote"
	"github.com/rc-containers/rc/pkg/errs"
)

// fromGit prepares a git repository: which commit it is, is found out; it is fetched when the layer has to be made.
func (p *Prepared) fromGit(ctx context.Context, ref *remote.Repository) (*match, error) {
	if sum := p.copy.Checksum; sum != "" {
		if ref.Checksum != "" && ref.Checksum != sum {
			return nil, errs.Invalidf("--checksum %q: the URL says %q", sum, ref.Checksum)
		}
		ref.Checksum = sum
	}
	g := remote.Git{Env: remote.CleanEnv(), KeepDir: p.copy.KeepGit}
	commit, err := g.Commit(ctx, ref)
	if err != nil {
		return nil, err
	}
	m := &match{id: fmt.Sprintf("%s %s %q %t %t", ref.Remote, commit, ref.SubDir, g.KeepDir || ref.KeepGitDir != nil && *ref.KeepGitDir,
		ref.Submodules == nil || *ref.Submodules)}
	m.fetch = func(ctx context.Context) (*pick, error) {
		dir, err := os.MkdirTemp(p.o.Temp, "git-")
		if err != nil {
			return nil, fmt.Errorf("make room for a repository: %w", err)
		}
		p.made = append(p.made, dir)
		if dir, err = g.Checkout(ctx, ref, commit, dir); err != nil {
			return nil, err
		}
		src, err := OpenContext(dir, nil, nil)
		if err != nil {
			return nil, err
		}
		src.plain = true
		return p.only(ctx, src, "/")
	}
	return m, nil
}
