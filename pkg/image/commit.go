package image

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
)

// VerbCommit is the worker's verb for Commit.
const VerbCommit = "commit"

// Formats of the manifest and the configuration of an image that is made here.
const (
	FormatOCI    = "oci"
	FormatDocker = "docker"
)

// CommitOptions say what becomes of a container's upper directory.
type CommitOptions struct {
	// Base is the id of the image that the container was made from.
	Base string `json:"base"`
	// Upper has what the container changed in it. What is there only because something is mounted
	// on MountPoints is left out.
	Upper       string   `json:"upper"`
	MountPoints []string `json:"mountPoints,omitempty"`
	// Config is the new image's; see CommitConfig.
	Config    index.Config `json:"config"`
	Name      string       `json:"name,omitempty"`
	Author    string       `json:"author,omitempty"`
	Message   string       `json:"message,omitempty"`
	CreatedBy string       `json:"createdBy,omitempty"` // for the history
	Format    string       `json:"format"`              // FormatOCI or FormatDocker
	// Squash makes one layer of all.
	Squash  bool    `json:"squash,omitempty"`
	Quiet   bool    `json:"quiet,omitempty"`
	Streams Streams `json:"-"`
}

// Check refuses what can be known to be wrong before anything is done.
func (o *CommitOptions) Check() error {
	if o.Format != FormatOCI && o.Format != FormatDocker {
		return errs.Invalidf("--format %q: want oci or docker", o.Format)
	}
	if o.Name == "" {
		return nil
	}
	name, err := newTag(o.Name)
	o.Name = name
	return err
}

// newTag is NewName for a name that is given here: a digest cannot be.
func newTag(value string) (string, error) {
	n, err := index.ParseName(value)
	if err != nil {
		return "", err
	}
	if n.Digest != "" {
		return "", errs.Invalidf("image name %q: a digest is not for us to give", value)
	}
	return NewName(value)
}

// Commit makes an image of what a container has changed in its own; it gives the id. The caller
// sees to it that the container is not removed meanwhile. It may run.
func Commit(ctx context.Context, cfg *config.Config, o CommitOptions) (string, error) {
	if err := o.Check(); err != nil {
		return "", err
	}
	var id string
	err := call(ctx, cfg, VerbCommit, o, &id, o.Streams)
	if err == nil && o.Name != "" {
		tell(cfg, "tag", id, o.Name)
	}
	return id, err
}

// MergeConfig reads a file with an image's configuration (docker's names, as in the "config" of an
// image configuration) and lays it over c: single values replace, lists of pairs are added to.
func MergeConfig(c *index.Config, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var more index.Config
	if err := json.Unmarshal(data, &more); err != nil {
		return errs.Invalidf("%s: want the JSON object that an image's \"config\" is: %w", filepath.Base(file), err)
	}
	merge(c, more)
	return nil
}
