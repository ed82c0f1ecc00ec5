package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/manifest"
	"github.com/rc-containers/rc/pkg/image/transport"
	"github.com/rc-containers/rc/pkg/store"
)

// importRootfs makes an image with one layer of a root filesystem archive.
func importRootfs(ctx context.Context, cfg *config.Config, s *store.Store, o image.ImportOptions) (string, error) {
	changes, err := image.ParseChanges(o.Changes)
	if err != nil {
		return "", err
	}
	var names []string
	if o.Name != "" {
		name, err := image.NewName(o.Name)
		if err != nil {
			return "", err
		}
		names = []string{name}
	}
	report := newReport(o.Quiet)
	defer report.Close()
	a := &adder{cfg: cfg, store: s, report: report}
	b := blob{Size: -1, Open: func(ctx context.Context) (io.ReadCloser, error) { return openSource(ctx, o.Source) }}
	report.Layer(b, true)
	staged, err := a.fetch(ctx, &arrival{adder: a, blob: b})
	if err != nil {
		return "", fmt.Errorf("import %s: %w", o.Source, err)
	}
	b.DiffID, b.Size = staged.DiffID, staged.Size
	if err := s.Commit(ctx, staged, b.DiffID.Encoded(), "", ""); err != nil {
		return "", fmt.Errorf("import %s: %w", o.Source, err)
	}
	f, err := imported(o, changes, b)
	if err != nil {
		return "", fmt.Errorf("import %s: %w", o.Source, err)
	}
	id, err := record(ctx, cfg, s, store.NewImage{Config: f.config, Manifest: f.manifest, TopLayer: b.DiffID.Encoded(), Names: names})
	if err != nil {
		return "", fmt.Errorf("import %s: %w", o.Source, err)
	}
	return id, nil
}

// imported writes configuration and manifest.
func imported(o image.ImportOptions, changes []image.Change, b blob) (*found, error) {
	created, err := creationTime()
	if err != nil {
		return nil, err
	}
	var c store.ImageConfig
	c.Created = &created
	c.OS, c.Architecture, c.Variant = o.Platform.OS, o.Platform.Arch, o.Platform.Variant
	if c.OS == "" {
		c.OS = "linux"
	}
	if c.Architecture == "" {
		c.Architecture = manifest.Native()
	}
	image.Apply(&c.Config, changes)
	c.RootFS = v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{b.DiffID}}
	source := o.Source
	if source == "-" {
		source = "standard input"
	}
	c.Comment = o.Message
	c.History = []v1.History{{Created: &created, CreatedBy: "rc import " + source, Comment: o.Message}}
	f := &found{}
	if f.config, err = json.Marshal(c); err != nil {
		return nil, err
	}
	f.manifest, err = WriteManifest(image.FormatOCI, f.config, []v1.Descriptor{{Digest: b.DiffID, Size: b.Size}}, nil)
	return f, err
}

// openSource opens a file, an http(s) URL, or standard input.
func openSource(ctx context.Context, source string) (io.ReadCloser, error) {
	switch {
	case source == "-" || source == "":
		return io.NopCloser(transport.Cancelable(ctx, os.Stdin)), nil
	case strings.HasPrefix(source, "http://"), strings.HasPrefix(source, "https://"):
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
		if err != nil {
			return nil, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusOK {
			response.Body.Close()
			return nil, errs.Invalidf("the server answers %s", response.Status)
		}
		return response.Body, nil
	}
	f, err := os.Open(source)
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err == nil && st.IsDir() {
		f.Close()
		return nil, errs.WithHint(errs.Invalidf("it is a directory"), fmt.Sprintf("tar -C %s -c . | rc import - NAME", source))
	}
	return f, nil
}
