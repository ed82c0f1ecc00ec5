package image

import (
	"context"

	"github.com/rc-containers/rc/pkg/config"
)

// LoginOptions say whose login at which registry is meant.
type LoginOptions struct {
	// Server is a registry, or a repository or namespace of one; "" is the first registry that
	// registries.conf searches, or docker.io.
	Server   string `json:"server,omitempty"`
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	// Check has Credentials ask the registry whether the login is good.
	Check bool `json:"check,omitempty"`
	// All means all logins, for Logout.
	All bool `json:"all,omitempty"`
	// CompatAuthFile is a config.json of docker to be written instead of auth.json.
	CompatAuthFile string   `json:"compatAuthFile,omitempty"`
	Registry       Registry `json:"registry"`
}

// Credentials are a login that is kept.
type Credentials struct {
	Server string `json:"server"`
	User   string `json:"user"` // "" without a login
	// Valid says that the registry takes them, where that was asked.
	Valid bool `json:"valid,omitempty"`
	// Where they are kept, for people.
	Where string `json:"where,omitempty"`
}

// Login verifies user and password with the registry and keeps them where pull and push find them.
func Login(ctx context.Context, cfg *config.Config, o LoginOptions) (Credentials, error) {
	return credentials(ctx, cfg, VerbLogin, o)
}

// LoggedIn tells who is logged in.
func LoggedIn(ctx context.Context, cfg *config.Config, o LoginOptions) (Credentials, error) {
	return credentials(ctx, cfg, VerbCredentials, o)
}

// Logout deletes a login, or all; it tells which.
func Logout(ctx context.Context, cfg *config.Config, o LoginOptions) (Credentials, error) {
	return credentials(ctx, cfg, VerbLogout, o)
}

func credentials(ctx context.Context, cfg *config.Config, verb string, o LoginOptions) (Credentials, error) {
	var c Credentials
	err := call(ctx, cfg, verb, o, &c, Streams{})
	return c, err
}
