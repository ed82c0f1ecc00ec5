package registry

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/shortnames"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"

	"github.com/rc-containers/rc/pkg/errs"
)

// Options say how to reach registries; zero values are what the configuration files say.
type Options struct {
	AuthFile string // instead of the usual files; else $REGISTRY_AUTH_FILE
	// CompatAuthFile is a config.json of docker that Login and Logout write to instead.
	CompatAuthFile string
	// MakeAuthFile says that the file of logins need not exist: it will be made.
	MakeAuthFile bool
	Creds        string // USER[:PASSWORD]
	CertDir      string // with ca.crt, client.cert, client.key
	TLSVerify    *bool  // false: plain HTTP and unknown certificates are fine
	// SignaturePolicy is read instead of policy.json.
	SignaturePolicy string
	TmpDir          string
	Retry           Retry
	// Stall is how long a registry may stop in the middle of a blob; 0 is a minute.
	Stall time.Duration
}

// Client talks to any registry. It may be used by several goroutines.
type Client struct {
	sys   *types.SystemContext
	retry Retry
	stall time.Duration
}

// New checks the options.
func New(o Options) (*Client, error) {
	sys := &types.SystemContext{
		AuthFilePath: o.AuthFile, DockerCertPath: o.CertDir, SignaturePolicyPath: o.SignaturePolicy,
		BigFilesTemporaryDir: o.TmpDir, DockerRegistryUserAgent: "rc", DockerCompatAuthFilePath: o.CompatAuthFile,
	}
	if sys.AuthFilePath == "" && o.CompatAuthFile == "" {
		sys.AuthFilePath = os.Getenv("REGISTRY_AUTH_FILE")
	}
	for _, f := range []struct{ flag, path string }{{"authfile", sys.AuthFilePath}, {"cert-dir", o.CertDir}} {
		if f.path == "" || f.flag == "authfile" && o.MakeAuthFile {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			return nil, fmt.Errorf("--%s: %w", f.flag, err)
		}
	}
	// The library takes root's file for root of a user namespace, which may not be ours.
	if cache, err := os.UserCacheDir(); err == nil {
		sys.UserShortNameAliasConfPath = filepath.Join(cache, "containers", "short-name-aliases.conf")
	}
	if o.TLSVerify != nil {
		sys.DockerInsecureSkipTLSVerify = types.NewOptionalBool(!*o.TLSVerify)
	}
	if o.Creds != "" {
		user, password, _ := strings.Cut(o.Creds, ":")
		if user == "" {
			return nil, errs.Invalidf("--creds: want USER[:PASSWORD]")
		}
		sys.DockerAuthConfig = &types.DockerAuthConfig{Username: user, Password: password}
	}
	return &Client{sys: sys, retry: o.Retry, stall: cmp.Or(o.Stall, stallLimit)}, nil
}

// Candidate is a full name that a name may stand for.
type Candidate struct {
	Name string // docker.io/library/alpine:latest
	// Record remembers the choice that a user made at a prompt, once it has proved good.
	Record func() error
}

// Candidates are the names to try, in order: one, unless the name is short and
// registries.conf has several registries to search. Without any it is docker.io.
func (c *Client) Candidates(name string) ([]Candidate, error) {
	resolved, err := c.resolve(name)
	if err != nil {
		return nil, c.ambiguous(name, fmt.Errorf("resolve image name %q: %w", name, err))
	}
	var out []Candidate
	for _, p := range resolved {
		out = append(out, Candidate{Name: reference.TagNameOnly(p.Value).String(), Record: p.Record})
	}
	return out, nil
}

// ambiguous names the registries between which a terminal would have let the user choose.
func (c *Client) ambiguous(name string, err error) error {
	searched, searchErr := sysregistriesv2.UnqualifiedSearchRegistries(c.sys)
	if searchErr != nil || !strings.Contains(err.Error(), "without a TTY") {
		return err
	}
	for i, host := range searched {
		searched[i] = host + "/" + name
	}
	return errs.WithHint(err, "give the full name, "+strings.Join(searched, " or ")+", or set short-name-mode = \"permissive\" in registries.conf")
}

func (c *Client) resolve(name string) ([]shortnames.PullCandidate, error) {
	if shortnames.IsShortName(name) {
		searched, err := sysregistriesv2.UnqualifiedSearchRegistries(c.sys)
		if err != nil {
			return nil, err
		}
		if len(searched) == 0 {
			return c.withoutSearch(name)
		}
	}
	resolved, err := shortnames.Resolve(c.sys, name)
	if err != nil {
		return nil, err
	}
	return resolved.PullCandidates, nil
}

// withoutSearch: an alias of registries.conf, else docker.io.
func (c *Client) withoutSearch(name string) ([]shortnames.PullCandidate, error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, errs.Invalidf("%w", err)
	}
	short := reference.FamiliarName(named)
	alias, _, err := sysregistriesv2.ResolveShortNameAlias(c.sys, short)
	if err != nil {
		return nil, err
	}
	if alias != nil {
		// The alias is found once more, with tag and digest put on it.
		resolved, err := shortnames.Resolve(c.sys, name)
		if err != nil {
			return nil, err
		}
		return resolved.PullCandidates, nil
	}
	full, err := shortnames.Resolve(c.sys, named.String())
	if err != nil {
		return nil, err
	}
	return full.PullCandidates, nil
}

func parse(name string) (types.ImageReference, error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, errs.Invalidf("image name %q: %w", name, err)
	}
	// image/v5 takes a tag or a digest; with both the digest counts.
	if digested, ok := named.(reference.Canonical); ok {
		if named, err = reference.WithDigest(reference.TrimNamed(named), digested.Digest()); err != nil {
			return nil, errs.Invalidf("image name %q: %w", name, err)
		}
	}
	return docker.NewReference(reference.TagNameOnly(named))
}

// Tags are all tags of a repository.
func (c *Client) Tags(ctx context.Context, name string) ([]string, error) {
	ref, err := parse(name)
	if err != nil {
		return nil, err
	}
	var tags []string
	err = c.retry.Do(ctx, func() (err error) {
		tags, err = docker.GetRepositoryTags(ctx, c.sys, ref)
		return explain(err, ref)
	})
	if err != nil {
		return nil, fmt.Errorf("list tags of %s: %w", ref.DockerReference().Name(), err)
	}
	return tags, nil
}
