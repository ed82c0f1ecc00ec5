package image

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

type pushOptions struct {
	image.PushOptions
	DigestFile string
}

// compressionFlags are those of push and manifest push.
type compressionFlags struct {
	format string
	level  int
	force  bool
}

func (c *compressionFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&c.format, "compression-format", "", "Compress layers by gzip or zstd (default: as they came, else gzip)")
	flags.IntVar(&c.level, "compression-level", 0, "Compression level: 1 to 9 for gzip, 1 to 20 for zstd")
	flags.BoolVar(&c.force, "force-compression", false, "Compress as --compression-format says even what the registry has in another form; it always is")
}

// options checks the values; the level is nil where none was given.
func (c *compressionFlags) options(flags *pflag.FlagSet) (format string, level *int, err error) {
	if format, err = image.ParseCompression(c.format); err != nil {
		return "", nil, err
	}
	if c.force && format == "" {
		return "", nil, errs.Invalidf("--force-compression: it needs --compression-format")
	}
	if !flags.Changed("compression-level") {
		return format, nil, nil
	}
	high := map[string]int{"": 9, "gzip": 9, "zstd": 20}[format]
	if c.level < 1 || c.level > high {
		return "", nil, errs.Invalidf("--compression-level %d: want 1 to %d", c.level, high)
	}
	return format, &c.level, nil
}

// signingFlags are refused: what is left out must not look as if it had been signed or encrypted.
func signingFlags(flags *pflag.FlagSet) {
	for _, name := range []string{"sign-by", "sign-by-sigstore", "sign-by-sigstore-private-key", "sign-passphrase-file"} {
		flags.String(name, "", "Refused: rc does not sign images")
		cli.Must(flags.MarkHidden(name))
	}
	flags.StringArray("encryption-key", nil, "Refused: rc does not encrypt images")
	flags.IntSlice("encrypt-layer", nil, "Refused: rc does not encrypt images")
	flags.Bool("remove-signatures", false, "No effect: rc keeps no signatures")
	for _, name := range []string{"encryption-key", "encrypt-layer", "remove-signatures"} {
		cli.Must(flags.MarkHidden(name))
	}
}

// refuseSigning names the flag and another program that can do it.
func refuseSigning(flags *pflag.FlagSet) error {
	var err error
	flags.Visit(func(f *pflag.Flag) {
		switch {
		case strings.HasPrefix(f.Name, "sign-"):
			err = errs.WithHint(errs.Unsupportedf("--%s: rc does not sign images", f.Name), "cosign sign NAME@DIGEST, or skopeo copy --"+f.Name)
		case strings.HasPrefix(f.Name, "encrypt"):
			err = errs.WithHint(errs.Unsupportedf("--%s: rc does not encrypt images", f.Name), "skopeo copy --encryption-key")
		}
	})
	return err
}

func newPushCommand(a *cli.App, runF cli.RunFunc[pushOptions]) *cobra.Command {
	opts := &pushOptions{}
	var registry registryFlags
	var compression compressionFlags
	cmd := &cobra.Command{
		Use:   "push [options] IMAGE [DESTINATION]",
		Short: "Send an image to a registry",
		Long: `Sends an image to a registry: to DESTINATION, or to the one that its name has. A
DESTINATION can also be a file or a directory: docker-archive:FILE, oci-archive:FILE, oci:DIR
or dir:DIR, with :NAME or :TAG behind it.

Layers that the registry has are not sent. An image that was pulled keeps its digest.`,
		Example: `rc push registry.example.com/app
rc push app registry.example.com/team/app:1.0
rc push --compression-format zstd app registry.example.com/app
rc push app oci-archive:/tmp/app.tar
rc push --all-tags registry.example.com/app`,
		Args:              cli.Between(1, 2, "the image"),
		ValidArgsFunction: completePush(a),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			opts.Image = args[0]
			if len(args) > 1 {
				opts.Destination = args[1]
			}
			if err := refuseSigning(cmd.Flags()); err != nil {
				return err
			}
			if opts.Type, err = image.ParseManifestType(opts.Type); err != nil {
				return err
			}
			if opts.Pack, opts.Level, err = compression.options(cmd.Flags()); err != nil {
				return err
			}
			if opts.Type == "v2s2" && opts.Pack == "zstd" {
				return errs.WithHint(errs.Invalidf("--format v2s2: docker's manifests have no layers compressed by zstd"), "--format oci")
			}
			if opts.Registry, err = registry.options(cmd.Flags(), a); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.AllTags, "all-tags", "a", false, "Push every tag of the repository")
	flags.BoolVar(&opts.Compress, "compress", false, "Compress the layers for dir:, where they are not otherwise")
	flags.StringVar(&opts.DigestFile, "digestfile", "", "Write the digest of the manifest to this file")
	flags.StringVarP(&opts.Type, "format", "f", "", "Type of the manifest: oci or v2s2 (default: its own)")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Do not tell how far things are")
	cli.Must(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"oci", "v2s2"}, cobra.ShellCompDirectiveNoFileComp)))
	compression.add(cmd)
	registry.add(flags)
	signingFlags(flags)
	return cmd
}

// completePush offers images, then places.
func completePush(a *cli.App) cli.Completion {
	images := cli.CompleteImages(a, 1)
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return images(cmd, args, word)
		case len(args) > 1:
			return nil, cobra.ShellCompDirectiveNoFileComp
		case image.HasTransport(word):
			return nil, cobra.ShellCompDirectiveDefault
		}
		return append(cli.ImageNames(a, word), image.Transports()...), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

func pushImage(ctx context.Context, a *cli.App, opts *pushOptions) error {
	o := opts.PushOptions
	o.Streams = streams(a)
	pushed, err := image.Push(ctx, a.Config, o)
	if err != nil {
		return err
	}
	if opts.DigestFile != "" {
		return writeDigest(opts.DigestFile, pushed[len(pushed)-1].Digest)
	}
	return nil
}

// writeDigest writes what --digestfile wants: podman's has no newline.
func writeDigest(path, digest string) error {
	if err := os.WriteFile(path, []byte(digest), 0o644); err != nil {
		return fmt.Errorf("--digestfile: %w", err)
	}
	return nil
}
