package image

import (
	"context"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/index"
)

// Verbs of the worker.
const (
	VerbPull     = "pull"
	VerbLoad     = "load"
	VerbPush     = "push"
	VerbSave     = "save"
	VerbTake     = "take"
	VerbLook     = "look"
	VerbPushList = "push-list"
	VerbImport   = "import"
	VerbTag      = "tag"
	VerbUntag    = "untag"
	VerbRemove   = "remove"
	VerbRefresh  = "refresh"

	VerbLogin       = "login"
	VerbLogout      = "logout"
	VerbCredentials = "credentials"
	VerbSearch      = "search"
	VerbFetch       = "fetch"
)

// Refresh builds the image index anew, where the store has been changed by somebody else or a
// writer was killed before it got to the index.
func Refresh(ctx context.Context, cfg *config.Config) error {
	return call(ctx, cfg, VerbRefresh, struct{}{}, nil, Streams{})
}

// Read reads the index, after building it anew where it is stale.
func Read(ctx context.Context, cfg *config.Config) (*index.Index, error) {
	ix, err := index.Read(cfg)
	if err != nil || !ix.Stale {
		return ix, err
	}
	if err := Refresh(ctx, cfg); err != nil {
		return nil, err
	}
	return index.Read(cfg)
}

// Load adds the images of an archive that docker save, podman save or skopeo made.
func Load(ctx context.Context, cfg *config.Config, o LoadOptions) ([]Loaded, error) {
	var loaded []Loaded
	err := call(ctx, cfg, VerbLoad, o, &loaded, o.Streams)
	for _, l := range loaded {
		tellEach(cfg, "loadfromarchive", l.ID, l.Names)
	}
	return loaded, err
}

// Import makes an image of a root filesystem archive; it gives the image's id.
func Import(ctx context.Context, cfg *config.Config, o ImportOptions) (string, error) {
	if _, err := ParseChanges(o.Changes); err != nil {
		return "", err
	}
	name := ""
	if o.Name != "" {
		var err error
		if name, err = NewName(o.Name); err != nil {
			return "", err
		}
	}
	var id string
	err := call(ctx, cfg, VerbImport, o, &id, o.Streams)
	if err == nil {
		tell(cfg, "import", id, name)
	}
	return id, err
}

// NewName is the full name under which something made here is kept: short names belong to
// localhost, as with podman.
func NewName(value string) (string, error) {
	n, err := index.ParseName(value)
	if err != nil {
		return "", err
	}
	if n.Short {
		n.Domain, n.Path = "localhost", n.Given
	}
	return n.Tagged().String(), nil
}
