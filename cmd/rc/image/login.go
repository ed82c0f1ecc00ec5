package image

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/secret"
)

type loginOptions struct {
	image.LoginOptions
	PasswordStdin bool
	Secret        string // has the password
	GetLogin      bool
	Verbose       bool
}

// authFlags say where logins are kept and how registries are reached to verify them.
func authFlags(flags *pflag.FlagSet, to *image.LoginOptions) {
	flags.StringVar(&to.Registry.AuthFile, "authfile", "", "File with logins (default $REGISTRY_AUTH_FILE, or $XDG_RUNTIME_DIR/containers/auth.json)")
	flags.StringVar(&to.CompatAuthFile, "compat-auth-file", "", "Write this config.json of docker instead")
}

func checkAuthFlags(to *image.LoginOptions) error {
	if to.CompatAuthFile != "" && to.Registry.AuthFile != "" {
		return errs.Invalidf("--compat-auth-file %q: it is given together with --authfile", to.CompatAuthFile)
	}
	return nil
}

func newLoginCommand(a *cli.App, runF cli.RunFunc[loginOptions]) *cobra.Command {
	opts := &loginOptions{}
	tlsVerify := true
	cmd := &cobra.Command{
		Use:   "login [options] [REGISTRY]",
		Short: "Log in to a registry",
		Long: `Asks for user and password where they are not given, has the registry verify them, and
keeps them for pull and push: in auth.json, until the next boot, or where a credential
helper of registries.conf keeps them. REGISTRY may be followed by a namespace or a repository,
and is docker.io, or the first that registries.conf searches, where none is given.`,
		Example: `rc login quay.io
echo "$TOKEN" | rc login -u ann --password-stdin registry.example.com
rc login -u ann --secret registry-token registry.example.com
rc login registry.example.com/team/app
rc login --get-login quay.io`,
		Args:              cli.Between(0, 1, ""),
		ValidArgsFunction: completeRegistries(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				opts.Server = args[0]
			}
			if cmd.Flags().Changed("tls-verify") {
				opts.Registry.TLSVerify = &tlsVerify
			}
			if err := checkAuthFlags(&opts.LoginOptions); err != nil {
				return err
			}
			if err := opts.check(); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	authFlags(flags, &opts.LoginOptions)
	flags.StringVar(&opts.Registry.CertDir, "cert-dir", "", "Directory with ca.crt, client.cert and client.key")
	flags.BoolVar(&tlsVerify, "tls-verify", true, "Demand HTTPS and a known certificate")
	flags.StringVarP(&opts.User, "username", "u", "", "Who logs in")
	flags.StringVarP(&opts.Password, "password", "p", "", "Password, which other users see in the list of processes: better --password-stdin")
	flags.BoolVar(&opts.PasswordStdin, "password-stdin", false, "Read the password from standard input")
	flags.StringVar(&opts.Secret, "secret", "", "Take the password from this secret, whose name is the user's where --username is not given")
	flags.BoolVar(&opts.GetLogin, "get-login", false, "Print who is logged in, and change nothing")
	flags.BoolVarP(&opts.Verbose, "verbose", "v", false, "Say where the login is kept")
	cli.Must(cmd.RegisterFlagCompletionFunc("secret", cli.CompleteSecrets(a, 0)))
	return cmd
}

// check refuses passwords that come from two places, and from one for nobody.
func (o *loginOptions) check() error {
	switch {
	case o.Secret != "" && (o.PasswordStdin || o.Password != ""):
		return errs.Invalidf("--secret %q: the password is given twice", o.Secret)
	case o.PasswordStdin && o.Password != "":
		return errs.Invalidf("--password-stdin: the password is given twice")
	case o.PasswordStdin && o.User == "":
		return errs.WithHint(errs.Invalidf("--password-stdin: --username is missing"), "rc login -u USER --password-stdin "+o.Server)
	}
	return nil
}

// logIn asks for what is missing, unless the login that is kept will do.
func logIn(ctx context.Context, a *cli.App, opts *loginOptions) error {
	o := opts.LoginOptions
	if opts.GetLogin {
		return printLogin(ctx, a, o)
	}
	var err error
	switch {
	case opts.PasswordStdin:
		if o.Password, err = readPassword(a.Stdin); err != nil {
			return fmt.Errorf("--password-stdin: %w", err)
		}
	case opts.Secret != "":
		if o.Password, err = secretPassword(secret.At(a.Config.DataRoot), opts.Secret); err != nil {
			return fmt.Errorf("--secret: %w", err)
		}
		o.User = cmp.Or(o.User, opts.Secret)
	}
	if o.User == "" || o.Password == "" {
		valid, err := complete(ctx, a, &o)
		if err != nil || valid {
			return err
		}
	}
	kept, err := image.Login(ctx, a.Config, o)
	if err != nil {
		return err
	}
	if opts.Verbose {
		fmt.Fprintln(a.Stdout, "Used:", kept.Where)
	}
	fmt.Fprintln(a.Stdout, "Login Succeeded!")
	return nil
}

func printLogin(ctx context.Context, a *cli.App, o image.LoginOptions) error {
	kept, err := image.LoggedIn(ctx, a.Config, o)
	if err != nil {
		return err
	}
	if kept.User == "" {
		return errs.WithHint(fmt.Errorf("log in to %s: login %w", kept.Server, errs.ErrNotFound), "rc login "+kept.Server)
	}
	fmt.Fprintln(a.Stdout, kept.User)
	return nil
}

// complete tries the login that is kept, where no password is given; true says that it is
// good. Else user and password are asked for.
func complete(ctx context.Context, a *cli.App, o *image.LoginOptions) (bool, error) {
	probe := *o
	probe.Check = o.Password == ""
	kept, err := image.LoggedIn(ctx, a.Config, probe)
	if err != nil {
		return false, err
	}
	if kept.Valid {
		fmt.Fprintf(a.Stdout, "Authenticating with existing credentials for %[1]s\nExisting credentials are valid. Already logged in to %[1]s\n", kept.Server)
		return true, nil
	}
	if !term.IsTerminal(int(a.Stdin.Fd())) {
		return false, errs.WithHint(errs.Invalidf("log in to %s: there is no terminal to ask for user and password on", kept.Server),
			"rc login -u USER --password-stdin "+kept.Server+" < FILE")
	}
	if o.User == "" {
		if o.User, err = askUser(a, kept.User); err != nil {
			return false, err
		}
	}
	if o.Password == "" {
		o.Password, err = cli.AskPassword(a.Stdin, a.Stderr)
	}
	if err == nil && o.Password == "" {
		err = errs.Invalidf("log in to %s: the password is empty", kept.Server)
	}
	return false, err
}

func askUser(a *cli.App, known string) (string, error) {
	question := "Username: "
	if known != "" {
		question = "Username (" + known + "): "
	}
	fmt.Fprint(a.Stderr, question)
	line, err := readLine(a.Stdin)
	if err != nil {
		return "", fmt.Errorf("read the user's name: %w", err)
	}
	if line == "" {
		line = known
	}
	if line == "" {
		return "", errs.Invalidf("log in: the user's name is empty")
	}
	return line, nil
}

// readLine takes no byte that follows the line: the password is read by somebody else.
func readLine(in *os.File) (string, error) {
	var line strings.Builder
	for b := make([]byte, 1); ; {
		_, err := in.Read(b)
		if errors.Is(err, io.EOF) && line.Len() > 0 || err == nil && b[0] == '\n' {
			return strings.TrimSpace(line.String()), nil
		}
		if err != nil {
			return "", err
		}
		line.WriteByte(b[0])
	}
}

// secretPassword is what a secret has, without the last line end.
func secretPassword(secrets secret.Store, nameOrID string) (string, error) {
	found, err := secrets.Find(nameOrID)
	if err != nil {
		return "", err
	}
	data, err := secrets.Data(found.Name)
	if err != nil {
		return "", err
	}
	password, err := readPassword(bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("secret %q: %w", found.Name, err)
	}
	return password, nil
}

// maxPassword is far beyond any token's length.
const maxPassword = 64 << 10

// readPassword reads all of standard input, without the last line end.
func readPassword(in io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(bufio.NewReader(in), maxPassword+1))
	if err != nil {
		return "", err
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if password == "" || len(data) > maxPassword {
		return "", errs.Invalidf("want a password of 1 to %d bytes", maxPassword)
	}
	return password, nil
}
