package quadlet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet"
)

type verifyOptions struct{ Names []string }

func newVerifyCommand(a *cli.App, runF cli.RunFunc[verifyOptions]) *cobra.Command {
	return &cobra.Command{
		Use:   "verify [options] [QUADLET|FILE|DIRECTORY...]",
		Short: "Say what is wrong with quadlets",
		Long: `Reads quadlets as the generator does, those named or all, makes their units without writing
any, and says what is wrong, with file, line and key. Of containers the values are checked,
too, as rc run would: sizes, ports, mounts. Files that are named are read in place of those of
the same name that are installed. systemd is not needed.

The keys are those of podman-systemd.unit(5) of podman 5. PodmanArgs= and GlobalArgs= are
handed to rc as they are; StartWithPod= is without effect, since rc has no pods: Pod=, .pod,
.kube and .artifact are refused.

For each quadlet that is right its name and that of its unit are printed. The exit code is
125 if one is wrong.`,
		Example: `rc quadlet verify
rc quadlet verify web.container
rc quadlet verify ./app ./db.container`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			words, _ := complete(0)(cmd, args, word)
			return words, cobra.ShellCompDirectiveDefault // files as well
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts := &verifyOptions{Names: args}
			return runF(cmd.Context(), a, opts)
		},
	}
}

func verify(_ context.Context, a *cli.App, opts *verifyOptions) error {
	files, names, err := sources(opts.Names)
	if err != nil {
		return err
	}
	set := load(a, files)
	for _, name := range names {
		if _, err := find(set, name); err != nil {
			return err
		}
	}
	units, err := convert(set)
	if err != nil {
		return err
	}
	var problems []error
	for i := range units {
		u := &units[i]
		if len(opts.Names) > 0 && !slices.Contains(names, u.Source.Name) && !slices.Contains(files, u.Source.Path) {
			continue
		}
		warn(a, u.Warnings)
		err := u.Err()
		if err == nil {
			err = checkFlags(a, u)
		}
		if err == nil {
			fmt.Fprintf(a.Stdout, "%s: %s\n", u.Source.Name, u.Name)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// sources tells files, also those in directories, from names.
func sources(args []string) (files, names []string, err error) {
	for _, arg := range args {
		st, err := os.Lstat(arg)
		switch {
		case err != nil && !strings.Contains(arg, "/") && quadlet.Is(arg):
			names = append(names, arg)
		case err != nil:
			return nil, nil, err
		case st.IsDir():
			entries, err := os.ReadDir(arg)
			if err != nil {
				return nil, nil, err
			}
			for _, entry := range entries {
				if quadlet.Is(entry.Name()) {
					files = append(files, filepath.Join(arg, entry.Name()))
				}
			}
		case !quadlet.Is(arg):
			return nil, nil, errs.Invalidf("%s: no quadlet: want %s", arg, strings.Join(quadlet.Extensions(), ", "))
		default:
			files = append(files, arg)
		}
	}
	return files, names, nil
}

// checkFlags has rc run look at the values that a container's unit gives it. Where systemd puts in
// something that is not known here, they are not looked at.
func checkFlags(a *cli.App, u *quadlet.Unit) error {
	i := slices.Index(u.Command, "run")
	if filepath.Ext(u.Source.Name) != ".container" || i < 0 {
		return nil
	}
	var args []string
	for _, word := range u.Command[i+1:] {
		word, ok := quadlet.Expand(word, u.Name)
		if !ok || strings.Contains(word, "$") {
			return nil
		}
		args = append(args, word)
	}
	err := container.CheckRun(a, args)
	if err == nil || errors.Is(err, os.ErrNotExist) { // an env file, say, which may be there in time
		return nil
	}
	var problems []error
	for line := range strings.SplitSeq(err.Error(), "\n") { // what errors.Join has joined
		problems = append(problems, errs.Invalidf("%s: %s", u.Source.Path, line))
	}
	return errors.Join(problems...)
}
