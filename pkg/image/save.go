package image

import (
	"context"
	"fmt"
	"slices"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
)

// SaveFormats are what `rc save --format` takes.
func SaveFormats() []string {
	return []string{"docker-archive", "oci-archive", "docker-dir", "oci-dir"}
}

// SaveOptions are those of `rc save`.
type SaveOptions struct {
	// Names are images; those after the first are names for it where no image has them.
	Names []string `json:"-"`
	// Multi takes all names for images.
	Multi bool `json:"-"`

	Format string `json:"format"`
	// Output is the file or directory, "" for standard output.
	Output   string  `json:"output,omitempty"`
	Compress bool    `json:"compress,omitempty"` // layers of a directory
	Plain    bool    `json:"plain,omitempty"`    // layers of an OCI archive
	Quiet    bool    `json:"quiet,omitempty"`
	Streams  Streams `json:"-"`

	// Images is filled in by Save.
	Images []Named `json:"images"`
}

// Named is an image with the names that it has in an archive.
type Named struct {
	ID    string   `json:"id"`
	Names []string `json:"names,omitempty"`
}

// Save writes images to an archive or a directory.
func Save(ctx context.Context, cfg *config.Config, o SaveOptions) error {
	for i, name := range o.Names {
		img, err := Resolve(ctx, cfg, name, Platform{})
		switch {
		case err == nil:
			o.add(img.ID, NameOf(img.Entry, name))
		case i > 0 && !o.Multi:
			n, nameErr := index.ParseName(name)
			if nameErr != nil {
				return fmt.Errorf("save: %w", err)
			}
			full, nameErr := NewName(name)
			if nameErr != nil || n.Digest != "" {
				return fmt.Errorf("save: %w", err)
			}
			o.add(o.Images[0].ID, full)
		default:
			return fmt.Errorf("save: %w", err)
		}
	}
	if len(o.Images) > 1 && (o.Format == "docker-dir" || o.Format == "oci-dir") {
		return errs.WithHint(errs.Invalidf("save: %s holds one image, %d are named", o.Format, len(o.Images)), "--format oci-archive, or one directory for each")
	}
	if err := call(ctx, cfg, VerbSave, o, nil, o.Streams); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	for _, i := range o.Images {
		tellEach(cfg, "save", i.ID, i.Names)
	}
	return nil
}

// add notes an image once, with all its names.
func (o *SaveOptions) add(id, name string) {
	i := slices.IndexFunc(o.Images, func(n Named) bool { return n.ID == id })
	if i < 0 {
		o.Images = append(o.Images, Named{ID: id})
		i = len(o.Images) - 1
	}
	if name != "" && !slices.Contains(o.Images[i].Names, name) {
		o.Images[i].Names = append(o.Images[i].Names, name)
	}
}
