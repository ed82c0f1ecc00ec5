package quadlet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/quadlet"
	"github.com/rc-containers/rc/pkg/quadlet/installed"
)

type installOptions struct {
	Names                        []string
	Replace, Reload, ReloadAsked bool
}

func newInstallCommand(a *cli.App, runF cli.RunFunc[installOptions]) *cobra.Command {
	opts := &installOptions{}
	cmd := &cobra.Command{
		Use:   "install [options] QUADLET|DIRECTORY|URL [FILE|URL...]",
		Short: "Install quadlets for the user",
		Long: `Copies quadlets to ~/.config/containers/systemd, has systemd read them, and prints where they
are. A directory is an application: all files in it are installed, and removed, together. So
are those of a file NAME.quadlets, which has several, with lines --- between them and a comment
# FileName=NAME in each; and the files that follow a quadlet and are none themselves. All of
it is checked first, as by rc quadlet verify; a mistake changes nothing.

Where rc was installed for the whole machine, its generator makes the units. Else, and where
podman's generator is installed, too, rc writes them to ~/.config/systemd/user, where they come
before those of a generator.`,
		Example: `rc quadlet install web.container && systemctl --user start web
rc quadlet install --replace ./app
rc quadlet install https://example.com/web.container web.env`,
		Args:              cli.AtLeast(1, "a quadlet"),
		ValidArgsFunction: completeInstall,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			opts.ReloadAsked = cmd.Flags().Changed("reload-systemd")
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.Replace, "replace", "r", false, "Replace what is installed under the same name")
	flags.BoolVar(&opts.Reload, "reload-systemd", true, "Have systemd read its units again")
	return cmd
}

// completeInstall offers quadlets, and any file behind the first of them.
func completeInstall(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var extensions []string
	for _, ext := range append(quadlet.Extensions(), ".quadlets") {
		extensions = append(extensions, strings.TrimPrefix(ext, "."))
	}
	return extensions, cobra.ShellCompDirectiveFilterFileExt
}

func install(ctx context.Context, a *cli.App, opts *installOptions) error {
	result, err := installed.Install(ctx, installed.InstallOptions{
		Names: opts.Names, Replace: opts.Replace, Check: func(u *quadlet.Unit) error { return checkFlags(a, u) },
		Fetch: func(ctx context.Context, url string) (string, []byte, error) { return fetch(ctx, a, url) },
	})
	if result != nil {
		warn(a, result.Warnings)
	}
	if err != nil {
		return err
	}
	for _, path := range result.Paths {
		fmt.Fprintln(a.Stdout, path)
	}
	if opts.Reload {
		return reload(ctx, a, opts.ReloadAsked)
	}
	return nil
}

// fetch gets a file from the web, through rc-image.
func fetch(ctx context.Context, a *cli.App, url string) (string, []byte, error) {
	dir, err := os.MkdirTemp("", "rc-quadlet-")
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "fetched")
	name, err := image.Fetch(ctx, a.Config, image.FetchOptions{URL: url, Path: path, Max: installed.MaxFile})
	if err != nil {
		return "", nil, err
	}
	data, err := quadlet.ReadFile(path)
	return name, data, err
}
