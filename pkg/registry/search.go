package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"golang.org/x/sync/errgroup"

	"github.com/rc-containers/rc/pkg/errs"
)

// Found is a repository that a search has found.
type Found struct {
	Registry    string
	Name        string // with the registry
	Description string
	Stars       int
	Official    bool
	Automated   bool
}

// Search asks for repositories whose names or descriptions have term in them: the registry that
// term begins with, else all that registries.conf searches. A registry that fails among
// several is told to warn.
func (c *Client) Search(ctx context.Context, term string, limit int, warn func(error)) ([]Found, error) {
	registries, rest, err := c.searchIn(term)
	if err != nil {
		return nil, err
	}
	found := make([][]Found, len(registries))
	failures := make([]error, len(registries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(6)
	for i, registry := range registries {
		group.Go(func() error {
			found[i], failures[i] = c.searchOne(ctx, registry, rest, limit)
			return nil
		})
	}
	_ = group.Wait() // each has its own error
	failed := slices.DeleteFunc(slices.Clone(failures), func(err error) bool { return err == nil })
	if len(failed) == len(registries) {
		return nil, failed[0]
	}
	for _, err := range failed {
		warn(err)
	}
	return slices.Concat(found...), nil
}

// searchIn splits REGISTRY/TERM. Without a dot, a port, or the word localhost the first part is no registry.
func (c *Client) searchIn(term string) ([]string, string, error) {
	first, rest, slash := strings.Cut(term, "/")
	if slash && (strings.ContainsAny(first, ".:") || first == "localhost") {
		key, err := LoginKey(first)
		return []string{key}, rest, err
	}
	registries, err := c.searched()
	return registries, term, err
}

func (c *Client) searchOne(ctx context.Context, registry, term string, limit int) ([]Found, error) {
	var results []docker.SearchResult
	err := c.retry.Do(ctx, func() (err error) {
		results, err = docker.SearchRegistry(ctx, c.sys, registry, term, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("search %s for %q: %w", registry, term, explainHost(err, registry))
	}
	// Not every registry heeds the limit.
	results = results[:min(len(results), limit)]
	out := make([]Found, 0, len(results))
	for _, r := range results {
		name := r.Name
		if registry == "docker.io" && !strings.Contains(name, "/") {
			name = "library/" + name
		}
		out = append(out, Found{
			Registry: registry, Name: registry + "/" + name, Description: r.Description,
			Stars: r.StarCount, Official: r.IsOfficial, Automated: r.IsAutomated,
		})
	}
	return out, nil
}

// Repository is the full name of a repository that term names, for a list of its tags.
func (c *Client) Repository(term string) (string, error) {
	candidates, err := c.Candidates(term)
	if err != nil {
		return "", err
	}
	named, err := reference.ParseNormalizedNamed(candidates[0].Name)
	if err != nil {
		return "", errs.Invalidf("image name %q: %w", term, err)
	}
	return named.Name(), nil
}
