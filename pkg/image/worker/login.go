package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/registry"
)

// plain decodes the options of a verb that needs no store.
func plain[O, R any](ctx context.Context, r image.Request, do func(context.Context, *config.Config, O) (R, error)) (any, error) {
	var o O
	if err := json.Unmarshal(r.Options, &o); err != nil {
		return nil, fmt.Errorf("rc-image: decode options: %w", err)
	}
	return do(ctx, r.Config, o)
}

// clientOptions are the options that every verb of a registry has.
func clientOptions(cfg *config.Config, o image.Registry, warn func(format string, args ...any)) registry.Options {
	return registry.Options{
		AuthFile: o.AuthFile, Creds: o.Creds, CertDir: o.CertDir, TLSVerify: o.TLSVerify,
		SignaturePolicy: o.SignaturePolicy, TmpDir: cfg.TmpDir, Stall: o.Stall,
		Retry: registry.Retry{Times: o.Retry, Delay: o.RetryDelay, Notify: func(err error, pause time.Duration) {
			warn("%v; trying again in %s", err, pause)
		}},
	}
}

// loginClient is a client and the key of the login.
func loginClient(cfg *config.Config, o image.LoginOptions) (*registry.Client, string, error) {
	options := clientOptions(cfg, o.Registry, newReport(false).Warn)
	options.CompatAuthFile, options.MakeAuthFile = o.CompatAuthFile, true
	client, err := registry.New(options)
	if err != nil || o.All {
		return client, "", err
	}
	if o.Server == "" {
		if o.Server, err = client.DefaultRegistry(); err != nil {
			return nil, "", err
		}
	}
	key, err := registry.LoginKey(o.Server)
	return client, key, err
}

// login verifies first: a login that is not good is not kept.
func login(ctx context.Context, cfg *config.Config, o image.LoginOptions) (c image.Credentials, err error) {
	client, key, err := loginClient(cfg, o)
	if err != nil {
		return c, err
	}
	if err := client.Check(ctx, key, o.User, o.Password); err != nil {
		return c, err
	}
	c = image.Credentials{Server: key, User: o.User, Valid: true}
	c.Where, err = client.Keep(key, o.User, o.Password)
	return c, err
}

// loggedIn tells of a login that is kept.
func loggedIn(ctx context.Context, cfg *config.Config, o image.LoginOptions) (c image.Credentials, err error) {
	client, key, err := loginClient(cfg, o)
	if err != nil {
		return c, err
	}
	user, password, err := client.Credentials(key)
	if err != nil {
		return c, err
	}
	c = image.Credentials{Server: key, User: user}
	if !o.Check || user == "" || password == "" || o.User != "" && o.User != user {
		return c, nil
	}
	err = client.Check(ctx, key, user, password)
	if c.Valid = err == nil; errors.Is(err, registry.ErrDenied) {
		err = nil
	}
	return c, err
}

func logout(_ context.Context, cfg *config.Config, o image.LoginOptions) (c image.Credentials, err error) {
	client, key, err := loginClient(cfg, o)
	if err != nil {
		return c, err
	}
	if o.All {
		return c, client.ForgetAll()
	}
	return image.Credentials{Server: key}, client.Forget(key)
}

// search gives repositories, or the tags of one.
func search(ctx context.Context, cfg *config.Config, o image.SearchOptions) ([]image.Found, error) {
	report := newReport(false)
	client, err := registry.New(clientOptions(cfg, o.Registry, report.Warn))
	if err != nil {
		return nil, err
	}
	if o.Tags {
		return searchTags(ctx, client, o)
	}
	found, err := client.Search(ctx, o.Term, o.Limit, func(err error) { report.Warn("%v", err) })
	if err != nil {
		return nil, err
	}
	out := make([]image.Found, 0, len(found))
	for _, f := range found {
		out = append(out, image.Found{Index: f.Registry, Name: f.Name, Description: f.Description, Stars: f.Stars, Official: f.Official, Automated: f.Automated})
	}
	return fit(out, report), nil
}

func searchTags(ctx context.Context, client *registry.Client, o image.SearchOptions) ([]image.Found, error) {
	repository, err := client.Repository(o.Term)
	if err != nil {
		return nil, err
	}
	tags, err := client.Tags(ctx, repository)
	if err != nil {
		return nil, err
	}
	host, _, _ := strings.Cut(repository, "/")
	var out []image.Found
	for _, tag := range tags[:min(len(tags), o.Limit)] {
		out = append(out, image.Found{Index: host, Name: repository, Tag: tag})
	}
	return fit(out, newReport(false)), nil
}

// fit leaves out what would not fit into the answer.
func fit(found []image.Found, r *report) []image.Found {
	const answer = image.MaxMessage - 4096
	size := 0
	for i, f := range found {
		data, _ := json.Marshal(f) // strings and numbers
		if size += len(data) + 1; size > answer {
			r.Warn("only the first %d of %d results are shown", i, len(found))
			return found[:i]
		}
	}
	return found
}
