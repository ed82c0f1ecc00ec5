package secret

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/secret"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

type createOptions struct {
	Name, Source string
	Env          bool
	Labels       map[string]string
	// Replace takes the place of a secret that has the name; Ignore leaves it as it is.
	Replace, Ignore bool
}

func newCreateCommand(a *cli.App, runF cli.RunFunc[createOptions]) *cobra.Command {
	opts := &createOptions{Labels: map[string]string{}}
	var labels, driverOpts []string
	var driver string
	cmd := &cobra.Command{
		Use:   "create [options] NAME FILE|-",
		Short: "Keep a secret for containers",
		Long: `Reads a secret from a file, from standard input (-), or with --env from a variable, keeps
it, and prints its id. It can have up to 512,000 bytes. It lies unencrypted in the data
directory, for its owner alone to read (mode 0600).

rc run --secret gives it to a container. A container keeps what it was made with: a new
secret of the name, or its removal, is nothing to a container that is there.`,
		Example: `printf %s "$PASSWORD" | rc secret create db-password -
rc secret create --label env=test tls.key ./tls.key
rc secret create --env --replace db-password PASSWORD`,
		Args:              cli.Between(2, 2, "the secret's name, or the file,"),
		ValidArgsFunction: completeCreate(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Name, opts.Source = args[0], args[1]
			if err := checkDriver(driver, driverOpts); err != nil {
				return err
			}
			for _, label := range labels {
				key, value, err := parse.Label(label)
				if err != nil {
					return fmt.Errorf("--label %w", err)
				}
				opts.Labels[key] = value
			}
			if opts.Replace && opts.Ignore {
				return errs.Invalidf("--replace: together with --ignore")
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.Env, "env", false, "The secret is the value of the variable that is named instead of a file")
	cli.ListVar(flags, &labels, "label", "l", "Set a label: KEY=VALUE")
	flags.BoolVar(&opts.Replace, "replace", false, "Take the place of a secret that has the name")
	flags.BoolVar(&opts.Ignore, "ignore", false, "Leave a secret that has the name as it is")
	flags.StringVarP(&driver, "driver", "d", fileDriver, "Where it is kept: file is the only driver")
	cli.WordsVar(flags, &driverOpts, "driver-opts", "", "The driver's options; file has none")
	cli.Must(cmd.RegisterFlagCompletionFunc("driver", cobra.FixedCompletions([]string{fileDriver}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func completeCreate(a *cli.App) cli.Completion {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		env, _ := cmd.Flags().GetBool("env")
		switch {
		case len(args) == 1 && !env:
			return nil, cobra.ShellCompDirectiveDefault
		case len(args) == 1:
			var names []string
			for _, entry := range os.Environ() {
				name, _, _ := strings.Cut(entry, "=")
				names = append(names, name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		case len(args) == 0 && a.Load() == nil:
			if replace, _ := cmd.Flags().GetBool("replace"); replace {
				names, _ := store(a).Names()
				return names, cobra.ShellCompDirectiveNoFileComp
			}
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// checkDriver refuses the drivers that podman has and rc has not, by name.
func checkDriver(driver string, options []string) error {
	switch {
	case driver == "pass" || driver == "shell":
		return errs.WithHint(errs.Unsupportedf("--driver %q: rc keeps secrets in files of its own only", driver),
			"hand the secret over as it comes: pass show NAME | rc secret create NAME -")
	case driver != fileDriver:
		return errs.Invalidf("--driver %q: want file", driver)
	case len(options) > 0:
		return errs.Unsupportedf("--driver-opts %q: rc's file driver has no options, secrets lie in the data directory (rc --root)", options[0])
	}
	return nil
}

func create(_ context.Context, a *cli.App, opts *createOptions) error {
	if err := secret.CheckName(opts.Name); err != nil {
		return err
	}
	if opts.Ignore {
		old, err := store(a).Find(opts.Name)
		if err == nil && old.Name == opts.Name {
			fmt.Fprintln(a.Stdout, old.ID)
			return nil
		}
	}
	data, err := opts.read(a)
	if err != nil {
		return fmt.Errorf("secret create %q: %w", opts.Name, err)
	}
	made, err := store(a).Create(opts.Name, data, secret.CreateOptions{Labels: opts.Labels, Replace: opts.Replace})
	if opts.Ignore && errors.Is(err, errs.ErrExists) {
		made, err = store(a).Find(opts.Name)
	} else if err == nil {
		emit(a.Config, "create", made)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(a.Stdout, made.ID)
	return nil
}

// read reads the secret, and no more than could be one.
func (o *createOptions) read(a *cli.App) ([]byte, error) {
	if o.Env {
		value, found := os.LookupEnv(o.Source)
		if !found {
			return nil, errs.Invalidf("--env: variable %q is not set", o.Source)
		}
		return []byte(value), nil
	}
	in := a.Stdin
	if o.Source != "-" && o.Source != "/dev/stdin" {
		f, err := os.Open(o.Source)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", o.Source, errors.Unwrap(err))
		}
		defer f.Close()
		in = f
	} else if term.IsTerminal(int(in.Fd())) {
		return nil, errs.WithHint(errs.Invalidf("standard input is a terminal, which would show the secret"),
			"printf %s SECRET | rc secret create "+o.Name+" -")
	}
	data, err := io.ReadAll(io.LimitReader(in, secret.MaxSize))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", o.Source, errors.Unwrap(err))
	}
	if len(data) >= secret.MaxSize {
		return nil, errs.Invalidf("%q: want less than %d bytes", o.Source, secret.MaxSize)
	}
	return data, nil
}
