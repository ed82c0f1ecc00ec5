package image

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/image"
)

// RegistryFlags are the flags of every verb that talks to a registry, for rc manifest.
type RegistryFlags struct{ registryFlags }

// Add adds them.
func (r *RegistryFlags) Add(flags *pflag.FlagSet) { r.add(flags) }

// Options are their values.
func (r *RegistryFlags) Options(flags *pflag.FlagSet, a *cli.App) (image.Registry, error) {
	return r.options(flags, a)
}

// CompressionFlags say how layers are compressed, and refuse to sign.
type CompressionFlags struct{ compressionFlags }

// Add adds them.
func (c *CompressionFlags) Add(cmd *cobra.Command) {
	c.add(cmd)
	signingFlags(cmd.Flags())
}

// Options are their values.
func (c *CompressionFlags) Options(flags *pflag.FlagSet) (format string, level *int, err error) {
	if err := refuseSigning(flags); err != nil {
		return "", nil, err
	}
	return c.options(flags)
}

// WriteDigest writes what --digestfile wants.
func WriteDigest(path, digest string) error { return writeDigest(path, digest) }
