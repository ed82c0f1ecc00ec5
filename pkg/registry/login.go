package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/docker/config"
	"go.podman.io/image/v5/pkg/sysregistriesv2"

	"github.com/rc-containers/rc/pkg/errs"
)

// DefaultRegistry is what a login is for that names none: the first to be searched by
// registries.conf, else docker.io.
func (c *Client) DefaultRegistry() (string, error) {
	searched, err := c.searched()
	if err != nil {
		return "", err
	}
	return searched[0], nil
}

func (c *Client) searched() ([]string, error) {
	searched, err := sysregistriesv2.UnqualifiedSearchRegistries(c.sys)
	if err != nil {
		return nil, fmt.Errorf("read registries.conf: %w", err)
	}
	if len(searched) == 0 {
		searched = []string{"docker.io"}
	}
	return searched, nil
}

// LoginKey checks what a login is kept under: a registry, or a repository or namespace of one.
func LoginKey(value string) (string, error) {
	key := strings.TrimSuffix(value, "/")
	if scheme, rest, found := strings.Cut(key, "://"); found {
		return "", errs.WithHint(errs.Invalidf("registry %q: it is given without %s://", value, scheme), "rc login "+rest)
	}
	if strings.Contains(key, "/") {
		named, err := reference.ParseNamed(key)
		if err != nil {
			return "", errs.Invalidf("registry %q: %w", value, err)
		}
		if !reference.IsNameOnly(named) {
			return "", errs.Invalidf("registry %q: a login is for a registry or a repository, not for a tag or digest", value)
		}
		return key, nil
	}
	// A host and port is what a repository's name may begin with.
	if _, err := reference.ParseNormalizedNamed(key + "/x"); key == "" || err != nil {
		return "", errs.Invalidf("registry %q: want HOST[:PORT][/REPOSITORY]", value)
	}
	return key, nil
}

func host(key string) string {
	name, _, _ := strings.Cut(key, "/")
	return name
}

// Credentials are the login that is kept for key; user is "" without one. Those with an
// identity token, which docker login can leave, have no password.
func (c *Client) Credentials(key string) (user, password string, err error) {
	creds, err := config.GetCredentials(c.sys, key)
	if err != nil {
		return "", "", fmt.Errorf("read the login for %s: %w", key, err)
	}
	if creds.IdentityToken != "" {
		return creds.Username, "", nil
	}
	return creds.Username, creds.Password, nil
}

// ErrDenied says that a registry does not know user or password.
var ErrDenied = errors.New("the registry does not accept this user and password")

// Check asks the registry of key whether it knows user and password.
func (c *Client) Check(ctx context.Context, key, user, password string) error {
	err := c.retry.Do(ctx, func() error { return docker.CheckAuth(ctx, c.sys, user, password, host(key)) })
	switch {
	case err == nil:
		return nil
	case statusCode(err) == 401 || statusCode(err) == 403:
		return fmt.Errorf("log in to %s as %q: %w", key, user, ErrDenied)
	}
	return fmt.Errorf("log in to %s: %w", key, explainHost(err, host(key)))
}

// Keep writes a login down; it says where.
func (c *Client) Keep(key, user, password string) (string, error) {
	where, err := config.SetCredentials(c.sys, key, user, password)
	if err != nil {
		return "", fmt.Errorf("keep the login for %s: %w", key, err)
	}
	return where, nil
}

// Forget deletes a login. errs.ErrNotFound says that there is none.
func (c *Client) Forget(key string) error {
	err := config.RemoveAuthentication(c.sys, key)
	if !errors.Is(err, config.ErrNotLoggedIn) {
		if err != nil {
			err = fmt.Errorf("log out of %s: %w", key, err)
		}
		return err
	}
	user, _, err := c.Credentials(key)
	if err != nil {
		return err
	}
	if user != "" {
		return errs.WithHint(fmt.Errorf("log out of %s: %w: user %q is logged in by another tool or in another file", key, errs.ErrNotFound, user),
			"docker logout "+key+", or --compat-auth-file ~/.docker/config.json, or --authfile FILE")
	}
	return fmt.Errorf("log out of %s: login %w", key, errs.ErrNotFound)
}

// ForgetAll deletes all logins of the file and of the credential helpers.
func (c *Client) ForgetAll() error {
	if err := config.RemoveAllAuthentication(c.sys); err != nil {
		return fmt.Errorf("log out: %w", err)
	}
	return nil
}
