package cli

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// RegistryFlags are the flags of every verb that talks to a registry.
type RegistryFlags struct {
	authFile, creds, certDir, signaturePolicy string
	decryptionKeys                            []string
	tlsVerify                                 bool
	retry                                     uint
	retryDelay                                time.Duration
}

// Retries is how often a failed request to a registry is repeated where nobody says otherwise.
const Retries = 3

// Pull declares those of verbs that pull.
func (r *RegistryFlags) Pull(flags *pflag.FlagSet) {
	r.Transfer(flags)
	ListVar(flags, &r.decryptionKeys, "decryption-key", "", "Key of an encrypted image, which rc cannot read")
	Must(flags.MarkHidden("decryption-key"))
}

// Transfer declares those of verbs that pull or push.
func (r *RegistryFlags) Transfer(flags *pflag.FlagSet) {
	r.Reach(flags)
	flags.UintVar(&r.retry, "retry", Retries, "How often a request that failed by accident is repeated")
	flags.DurationVar(&r.retryDelay, "retry-delay", 0, "Pause before the first repetition, doubled each time (default 1s)")
	flags.StringVar(&r.signaturePolicy, "signature-policy", "", "File to read instead of policy.json")
	Must(flags.MarkHidden("signature-policy"))
}

// Reach declares those of verbs that only ask.
func (r *RegistryFlags) Reach(flags *pflag.FlagSet) {
	flags.StringVar(&r.authFile, "authfile", "", "File with logins (default: those of podman login and docker login)")
	flags.StringVar(&r.creds, "creds", "", "USER[:PASSWORD] for the registry; the password is asked for on a terminal")
	flags.StringVar(&r.certDir, "cert-dir", "", "Directory with ca.crt, client.cert and client.key")
	flags.BoolVar(&r.tlsVerify, "tls-verify", true, "Demand HTTPS and a known certificate")
}

// Options are the flags' values; the password of --creds USER is asked for here.
func (r *RegistryFlags) Options(flags *pflag.FlagSet, a *App) (image.Registry, error) {
	o := image.Registry{
		AuthFile: r.authFile, Creds: r.creds, CertDir: r.certDir, SignaturePolicy: r.signaturePolicy,
		Retry: int(min(r.retry, 100)), RetryDelay: r.retryDelay,
	}
	if flags.Changed("tls-verify") {
		o.TLSVerify = &r.tlsVerify
	}
	if len(r.decryptionKeys) > 0 {
		return o, errs.WithHint(errs.Unsupportedf("--decryption-key %q: rc does not read encrypted images", r.decryptionKeys[0]),
			"skopeo copy --decryption-key "+r.decryptionKeys[0]+" docker://IMAGE oci-archive:FILE, then rc load -i FILE")
	}
	if r.retryDelay < 0 {
		return o, errs.Invalidf("--retry-delay %s: want a duration of zero or more", r.retryDelay)
	}
	if r.creds != "" && !strings.Contains(r.creds, ":") {
		password, err := AskPassword(a.Stdin, a.Stderr)
		if err != nil {
			return o, fmt.Errorf("--creds %q: %w", r.creds, err)
		}
		o.Creds += ":" + password
	}
	return o, nil
}

// AskPassword reads a password from a terminal, which does not show it.
func AskPassword(in, out *os.File) (string, error) {
	if in == nil || !term.IsTerminal(int(in.Fd())) {
		return "", errs.Invalidf("want USER:PASSWORD where there is no terminal to ask on")
	}
	fmt.Fprint(out, "Password: ")
	password, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(out)
	return string(password), err
}

// PlatformFlags choose one of several images under a name.
type PlatformFlags struct{ platform, os, arch, variant string }

// Add declares them.
func (p *PlatformFlags) Add(flags *pflag.FlagSet) {
	flags.StringVar(&p.platform, "platform", "", "Take the image for OS/ARCH[/VARIANT] instead of this machine's")
	p.AddParts(flags)
}

// AddParts declares those that say it in parts.
func (p *PlatformFlags) AddParts(flags *pflag.FlagSet) {
	flags.StringVar(&p.os, "os", "", "Take the image for this operating system")
	flags.StringVar(&p.arch, "arch", "", "Take the image for this architecture")
	flags.StringVar(&p.variant, "variant", "", "Take the image for this variant of the architecture")
}

// Options are the flags' values.
func (p *PlatformFlags) Options() (image.Platform, error) {
	if p.platform != "" {
		if p.os != "" || p.arch != "" || p.variant != "" {
			return image.Platform{}, errs.Invalidf("--platform %q: it is given together with --os, --arch or --variant", p.platform)
		}
		platform, err := parse.Platform(p.platform)
		if err != nil {
			return image.Platform{}, fmt.Errorf("--platform %w", err)
		}
		return platform, nil
	}
	return image.Platform{OS: strings.ToLower(p.os), Arch: parse.Arch(strings.ToLower(p.arch)), Variant: strings.ToLower(p.variant)}, nil
}
