package secret

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/secret"
)

type inspectOptions struct {
	Names              []string
	Format             string
	Pretty, ShowSecret bool
}

// inspection is a secret with podman's field names.
type inspection struct {
	ID         string
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Spec       secretSpec
	SecretData string `json:",omitempty"`
}

type secretSpec struct {
	Name   string
	Driver driver
	Labels map[string]string
}

type driver struct {
	Name    string
	Options map[string]string
}

func newInspectCommand(a *cli.App, runF cli.RunFunc[inspectOptions]) *cobra.Command {
	opts := &inspectOptions{}
	cmd := &cobra.Command{
		Use:   "inspect [options] SECRET [SECRET...]",
		Short: "Show all that is known of secrets",
		Long: `Shows secrets as a JSON array with podman's fields, or through a Go template. What is in
them is shown with --showsecret only.`,
		Example: `rc secret inspect db-password
rc secret inspect --format '{{.Spec.Name}} {{.UpdatedAt}}' db-password
rc secret inspect --showsecret --format '{{.SecretData}}' db-password`,
		Args:              cli.AtLeast(1, "the secret"),
		ValidArgsFunction: cli.CompleteSecrets(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			if opts.Pretty && opts.Format != "" {
				return errs.Invalidf("--pretty: together with --format")
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.Format, "format", "f", "", "json or a Go template")
	flags.BoolVar(&opts.Pretty, "pretty", false, "Show it in lines for people to read")
	flags.BoolVar(&opts.ShowSecret, "showsecret", false, "Show what is in it")
	cli.CompleteFormat(cmd, inspection{})
	return cmd
}

func inspect(_ context.Context, a *cli.App, opts *inspectOptions) error {
	find := func(name string) (*inspection, error) { return opts.one(a, name) }
	if !opts.Pretty {
		return cli.Inspect(a, opts.Format, opts.Names, find)
	}
	found, failed := cli.Found(opts.Names, find)
	for i := range found {
		fmt.Fprint(a.Stdout, found[i].pretty())
	}
	return failed
}

func (o *inspectOptions) one(a *cli.App, name string) (*inspection, error) {
	s, err := store(a).Find(name)
	if err != nil {
		return nil, err
	}
	i := &inspection{
		ID: s.ID, CreatedAt: s.Created, UpdatedAt: s.Updated,
		Spec: secretSpec{Name: s.Name, Labels: labels(s), Driver: driver{Name: fileDriver, Options: map[string]string{"path": store(a).Dir}}},
	}
	if o.ShowSecret {
		data, err := store(a).Data(s.Name)
		if err != nil {
			return nil, err
		}
		i.SecretData = string(data)
	}
	return i, nil
}

func labels(s *secret.Secret) map[string]string {
	if s.Labels == nil {
		return map[string]string{}
	}
	return s.Labels
}

// pretty is podman's form for people.
func (i *inspection) pretty() string {
	var b strings.Builder
	line := func(key, value string) { fmt.Fprintf(&b, "%-19s%s\n", key+":", value) }
	line("ID", i.ID)
	line("Name", i.Spec.Name)
	var all []string
	for _, key := range slices.Sorted(maps.Keys(i.Spec.Labels)) {
		all = append(all, key+"="+i.Spec.Labels[key])
	}
	line("Labels", strings.Join(all, " "))
	line("Driver", i.Spec.Driver.Name)
	line("Created at", i.CreatedAt.String())
	line("Updated at", i.UpdatedAt.String())
	if i.SecretData != "" {
		line("SecretData", i.SecretData)
	}
	return b.String()
}
