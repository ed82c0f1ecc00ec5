package manifest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	rcimage "github.com/rc-containers/rc/cmd/rc/image"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/lists"
)

type inspectOptions struct {
	Name     string
	Registry image.Registry
}

func newInspectCommand(a *cli.App, runF cli.RunFunc[inspectOptions]) *cobra.Command {
	opts := &inspectOptions{}
	var registry rcimage.RegistryFlags
	cmd := &cobra.Command{
		Use:   "inspect [options] LIST",
		Short: "Show a manifest list",
		Long:  "Shows a manifest list that is here, or in a registry the list or manifest that has the name.",
		Example: `rc manifest inspect app
rc manifest inspect docker://docker.io/library/alpine`,
		Args:              cli.Between(1, 1, "the list"),
		ValidArgsFunction: complete(a, 1, nil),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			opts.Name = args[0]
			if opts.Registry, err = registry.Options(cmd.Flags(), a); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolP("verbose", "v", false, "No effect: for scripts written for docker")
	cli.Must(cmd.Flags().MarkHidden("verbose"))
	registry.Add(cmd.Flags())
	return cmd
}

func inspect(ctx context.Context, a *cli.App, opts *inspectOptions) error {
	location, remote, err := image.ParseLocation(opts.Name)
	if err != nil {
		return err
	}
	if remote && location.Transport != image.TransportRegistry {
		return errs.WithHint(errs.Unsupportedf("manifest inspect %s: rc shows lists here and in registries", opts.Name), "skopeo inspect --raw "+opts.Name)
	}
	if !remote {
		l, err := lists.Read(a.Config, opts.Name)
		if err == nil {
			data, err := l.JSON(image.OCI)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Stdout, "%s\n", data)
			return err
		}
		if !errors.Is(err, errs.ErrNotFound) {
			return err
		}
		location.Ref = opts.Name
	}
	looked, err := image.Look(ctx, a.Config, image.LookRequest{Name: location.Ref, All: true, Registry: opts.Registry}, image.Streams{})
	if err != nil {
		return fmt.Errorf("manifest %q: %w", opts.Name, err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, looked.Manifest, "", "    "); err != nil {
		return fmt.Errorf("manifest %q: %w", opts.Name, err)
	}
	_, err = fmt.Fprintf(a.Stdout, "%s\n", &out)
	return err
}
