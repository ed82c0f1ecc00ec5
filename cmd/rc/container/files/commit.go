package files

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/files"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

type commitOptions struct {
	files.CommitOptions
	Container string
	IIDFile   string
}

func newCommitCommand(a *cli.App, runF cli.RunFunc[commitOptions]) *cobra.Command {
	opts := &commitOptions{}
	cmd := &cobra.Command{
		Use:   "commit [options] CONTAINER [IMAGE]",
		Short: "Make an image of a container",
		Long: `Makes an image of a container: its own image's layers and one with what the container
has changed, and prints the image's id. A short name belongs to localhost. The time
it takes grows with what was changed, not with the image. Volumes, secrets and what
rc mounts are not in it.

The image is run as the container was: with its command, environment, labels, user
and working directory. --config and --change come on top of that.`,
		Example: `rc commit web web:tried
rc commit --pause --message 'before the upgrade' db db:backup
rc commit -c 'CMD ["nginx", "-g", "daemon off;"]' -c EXPOSE=80 -q web site`,
		Args:              cli.Between(1, 2, "the container"),
		ValidArgsFunction: cli.CompleteContainers(a, 1, cli.AnyState),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Container = args[0]
			if len(args) > 1 {
				opts.Name = args[1]
			}
			if err := opts.Check(); err != nil {
				return fmt.Errorf("commit: %w", err)
			}
			if _, err := image.ParseChanges(opts.Changes); err != nil {
				return fmt.Errorf("commit: %w", err)
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.Author, "author", "a", "", "Author kept in the image")
	flags.StringArrayVarP(&opts.Changes, "change", "c", nil, "Dockerfile instruction to apply: "+image.ChangeWords())
	flags.StringVar(&opts.ConfigFile, "config", "", "File with an image configuration (JSON) to lay over the container's")
	flags.StringVarP(&opts.Format, "format", "f", image.FormatOCI, "Format of manifest and configuration: oci or docker")
	flags.StringVar(&opts.IIDFile, "iidfile", "", "File to write the image's id to")
	flags.BoolVar(&opts.Volumes, "include-volumes", false, "Declare what is mounted in the container by --volume and --mount as volumes of the image")
	flags.StringVarP(&opts.Message, "message", "m", "", "Comment kept in the image's history")
	flags.BoolVarP(&opts.Pause, "pause", "p", false, "Freeze the container's processes meanwhile")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Do not tell how far things are")
	flags.BoolVarP(&opts.Squash, "squash", "s", false, "Make one layer of all")
	cli.Must(cmd.RegisterFlagCompletionFunc("change", cli.CompleteChanges()))
	cli.Must(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{image.FormatOCI, image.FormatDocker}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func commitContainer(ctx context.Context, a *cli.App, opts *commitOptions) error {
	o := opts.CommitOptions
	o.Streams = image.Streams{Stdin: a.Stdin, Stdout: a.Stdout, Stderr: a.Stderr}
	var idFile *os.File
	if opts.IIDFile != "" {
		var err error
		if idFile, err = os.OpenFile(opts.IIDFile, os.O_WRONLY|os.O_CREATE, 0o644); err != nil {
			return errs.Invalidf("--iidfile %q: %w", opts.IIDFile, err)
		}
		defer idFile.Close()
	}
	id, err := files.Commit(ctx, a.Config, opts.Container, o)
	if err != nil {
		return err
	}
	if idFile != nil {
		if err := writeID(idFile, id); err != nil {
			return fmt.Errorf("--iidfile %q: %w", opts.IIDFile, err)
		}
	}
	fmt.Fprintln(a.Stdout, id)
	return nil
}

// writeID replaces what is in a file by an id; what is no file takes it as it comes.
func writeID(f *os.File, id string) error {
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		if err := f.Truncate(0); err != nil {
			return err
		}
	}
	if _, err := f.WriteString(id); err != nil {
		return err
	}
	return f.Close()
}
