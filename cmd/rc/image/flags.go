package image

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/spec"
)

// registryFlags are the flags of every verb that talks to a registry.
type registryFlags struct {
	authFile, creds, certDir, signaturePolicy string
	tlsVerify                                 bool
	retry                                     uint
	retryDelay                                time.Duration
}

func (r *registryFlags) add(flags *pflag.FlagSet) {
	r.reach(flags)
	flags.UintVar(&r.retry, "retry", 3, "How often a request that failed by accident is repeated")
	flags.DurationVar(&r.retryDelay, "retry-delay", 0, "Pause before the first repetition, doubled each time (default 1s)")
	flags.StringVar(&r.signaturePolicy, "signature-policy", "", "File to read instead of policy.json")
	cli.Must(flags.MarkHidden("signature-policy"))
	noOp := flags.Bool("disable-content-trust", true, "No effect: for scripts written for docker")
	_ = noOp
	cli.Must(flags.MarkHidden("disable-content-trust"))
}

// reach are the flags of verbs that only ask.
func (r *registryFlags) reach(flags *pflag.FlagSet) {
	flags.StringVar(&r.authFile, "authfile", "", "File with logins (default: those of podman login and docker login)")
	flags.StringVar(&r.creds, "creds", "", "USER[:PASSWORD] for the registry; the password is asked for on a terminal")
	flags.StringVar(&r.certDir, "cert-dir", "", "Directory with ca.crt, client.cert and client.key")
	flags.BoolVar(&r.tlsVerify, "tls-verify", true, "Demand HTTPS and a known certificate")
}

// options are the flags' values; the password of --creds USER is asked for here.
func (r *registryFlags) options(flags *pflag.FlagSet, a *cli.App) (image.Registry, error) {
	o := image.Registry{
		AuthFile: r.authFile, Creds: r.creds, CertDir: r.certDir, SignaturePolicy: r.signaturePolicy,
		Retry: int(min(r.retry, 100)), RetryDelay: r.retryDelay,
	}
	if flags.Changed("tls-verify") {
		o.TLSVerify = &r.tlsVerify
	}
	if r.retryDelay < 0 {
		return o, errs.Invalidf("--retry-delay %s: want a duration of zero or more", r.retryDelay)
	}
	if r.creds != "" && !strings.Contains(r.creds, ":") {
		password, err := askPassword(a.Stdin, a.Stderr)
		if err != nil {
			return o, fmt.Errorf("--creds %q: %w", r.creds, err)
		}
		o.Creds += ":" + password
	}
	return o, nil
}

func askPassword(in, out *os.File) (string, error) {
	if !term.IsTerminal(int(in.Fd())) {
		return "", errs.Invalidf("want USER:PASSWORD where there is no terminal to ask on")
	}
	fmt.Fprint(out, "Password: ")
	password, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(out)
	return string(password), err
}

// platformFlags choose one of several images under a name.
type platformFlags struct{ platform, os, arch, variant string }

func (p *platformFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&p.platform, "platform", "", "Take the image for OS/ARCH[/VARIANT] instead of this machine's")
	flags.StringVar(&p.os, "os", "", "Take the image for this operating system")
	flags.StringVar(&p.arch, "arch", "", "Take the image for this architecture")
	flags.StringVar(&p.variant, "variant", "", "Take the image for this variant of the architecture")
}

func (p *platformFlags) options() (image.Platform, error) {
	if p.platform != "" {
		if p.os != "" || p.arch != "" || p.variant != "" {
			return image.Platform{}, errs.Invalidf("--platform %q: it is given together with --os, --arch or --variant", p.platform)
		}
		platform, err := spec.ParsePlatform(p.platform)
		if err != nil {
			return image.Platform{}, fmt.Errorf("--platform %w", err)
		}
		return platform, nil
	}
	return image.Platform{OS: strings.ToLower(p.os), Arch: spec.ParseArch(strings.ToLower(p.arch)), Variant: strings.ToLower(p.variant)}, nil
}

func completePlatform(cmd *cobra.Command) {
	cli.Must(cmd.RegisterFlagCompletionFunc("platform", cobra.FixedCompletions(cli.Platforms(), cobra.ShellCompDirectiveNoFileComp)))
	cli.Must(cmd.RegisterFlagCompletionFunc("arch", cobra.FixedCompletions(
		[]string{"amd64", "arm64", "arm", "386", "ppc64le", "riscv64", "s390x"}, cobra.ShellCompDirectiveNoFileComp)))
	cli.Must(cmd.RegisterFlagCompletionFunc("os", cobra.FixedCompletions([]string{"linux"}, cobra.ShellCompDirectiveNoFileComp)))
}

// streams are where the worker reads and writes.
func streams(a *cli.App) image.Streams {
	return image.Streams{Stdin: a.Stdin, Stdout: a.Stdout, Stderr: a.Stderr}
}
