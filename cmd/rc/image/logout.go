package image

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
)

func newLogoutCommand(a *cli.App, runF cli.RunFunc[image.LoginOptions]) *cobra.Command {
	opts := &image.LoginOptions{}
	cmd := &cobra.Command{
		Use:   "logout [options] [REGISTRY]",
		Short: "Forget the login to a registry",
		Long: `Deletes the login to a registry, or with --all every login, from auth.json and from the
credential helpers of registries.conf. A login that docker login made is docker's to
delete: it is only told of.`,
		Example: `rc logout quay.io
rc logout registry.example.com/team/app
rc logout --all`,
		Args:              cli.Between(0, 1, ""),
		ValidArgsFunction: completeRegistries(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				opts.Server = args[0]
			}
			if opts.All && opts.Server != "" {
				return errs.Invalidf("--all: it is given together with %q", opts.Server)
			}
			if err := checkAuthFlags(opts); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	authFlags(flags, opts)
	flags.BoolVarP(&opts.All, "all", "a", false, "Forget every login")
	return cmd
}

func logOut(ctx context.Context, a *cli.App, opts *image.LoginOptions) error {
	gone, err := image.Logout(ctx, a.Config, *opts)
	if err != nil {
		return err
	}
	if opts.All {
		fmt.Fprintln(a.Stdout, "Removed login credentials for all registries")
		return nil
	}
	fmt.Fprintln(a.Stdout, "Removed login credentials for", gone.Server)
	return nil
}

// completeRegistries offers the registries that images here are from.
func completeRegistries(a *cli.App) cli.Completion {
	return func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 || a.Load() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		seen := map[string]bool{"docker.io": true, "quay.io": true, "ghcr.io": true}
		if ix, err := index.Read(a.Config); err == nil {
			entries, _ := ix.All() // what cannot be read is not offered
			for _, e := range entries {
				for _, name := range e.Names {
					host, _, _ := strings.Cut(name, "/")
					seen[host] = host != "localhost"
				}
			}
		}
		var out []string
		for host, remote := range seen {
			if remote && strings.HasPrefix(host, word) {
				out = append(out, host)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}
