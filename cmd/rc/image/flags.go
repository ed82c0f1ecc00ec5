package image

import (
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/image"
)

// registryFlags are the flags of every verb that talks to a registry.
type registryFlags struct{ cli.RegistryFlags }

func (r *registryFlags) add(flags *pflag.FlagSet) {
	r.Transfer(flags)
	flags.Bool("disable-content-trust", true, "No effect: for scripts written for docker")
	cli.Must(flags.MarkHidden("disable-content-trust"))
}

// reach are the flags of verbs that only ask.
func (r *registryFlags) reach(flags *pflag.FlagSet) { r.Reach(flags) }

func (r *registryFlags) options(flags *pflag.FlagSet, a *cli.App) (image.Registry, error) {
	return r.Options(flags, a)
}

// platformFlags choose one of several images under a name.
type platformFlags struct{ cli.PlatformFlags }

func (p *platformFlags) add(flags *pflag.FlagSet) { p.Add(flags) }

func (p *platformFlags) options() (image.Platform, error) { return p.Options() }

// streams are where the worker reads and writes.
func streams(a *cli.App) image.Streams {
	return image.Streams{Stdin: a.Stdin, Stdout: a.Stdout, Stderr: a.Stderr}
}
