package files

import (
	"context"
	"fmt"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/files"
	"github.com/rc-containers/rc/pkg/errs"
)

type cpOptions struct {
	From, To           files.End
	Archive, Overwrite bool
}

func newCpCommand(a *cli.App, runF cli.RunFunc[cpOptions]) *cobra.Command {
	opts := &cpOptions{}
	cmd := &cobra.Command{
		Use:   "cp [options] [CONTAINER:]SRC_PATH [CONTAINER:]DEST_PATH",
		Short: "Copy files out of, into or between containers",
		Long: `Copies a file or a directory, out of containers, into them or between them, whether
they run or not. Paths in a container begin at its root directory; symbolic links in
it lead where they lead there, never to the host. "-" is a tar archive on standard
input (also compressed with gzip), or on standard output.

A file goes to DEST_PATH, or, where that is a directory, into it. A directory goes
into DEST_PATH where that is there, and becomes DEST_PATH where it is not; of
SRC_PATH/. the contents only are copied. The directory that DEST_PATH is in must
be there. Directories that are there already keep their owner and mode. A symbolic
link as SRC_PATH is followed.

What goes into a container belongs to its user then, or with --archive=false to
whom it belonged; what comes out belongs to the caller, without setuid and setgid.
Sockets and device nodes are left out with a warning.`,
		Example: `rc cp ./app.conf web:/etc/app/
rc cp web:/var/log/app ./logs
rc cp web:/data/. db:/data
rc cp - web:/srv < site.tar.gz
rc cp web:/srv - | tar tv`,
		Args:              cli.Between(2, 2, "SRC_PATH and DEST_PATH, one of them CONTAINER:PATH,"),
		ValidArgsFunction: completeCp(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opts.From, opts.To, err = files.ParseEnds(args[0], args[1]); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.Archive, "archive", "a", true, "Give what goes into a container to its user; with =false, keep owners")
	flags.BoolVar(&opts.Overwrite, "overwrite", false, "Replace directories by files, and files by directories")
	flags.BoolP("follow-link", "L", false, "Accepted and without effect: a link as SRC_PATH is always followed")
	flags.BoolP("quiet", "q", false, "Accepted and without effect: no progress is shown")
	return cmd
}

// completeCp offers containers with a colon, what is in them, and the user's files.
func completeCp(a *cli.App) cli.Completion {
	return func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= 2 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if name, path, found := strings.Cut(word, ":"); found && !strings.ContainsAny(name, "/.~") {
			return cli.CompletePath(cli.ContainerLayers(a, name), name+":", path)
		}
		if strings.ContainsAny(word, "/.~") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		var words []string
		for _, name := range cli.ContainerNames(a, word, cli.AnyState) {
			words = append(words, name+":")
		}
		return words, cobra.ShellCompDirectiveDefault | cobra.ShellCompDirectiveNoSpace
	}
}

func copyFiles(ctx context.Context, a *cli.App, opts *cpOptions) error {
	if opts.To.Stream() && term.IsTerminal(int(a.Stdout.Fd())) {
		return errs.WithHint(errs.Invalidf("copy %q: an archive is nothing for a terminal", opts.From), "rc cp … - > FILE.tar")
	}
	return files.Copy(ctx, a.Config, opts.From, opts.To, files.CopyOptions{
		Chown: opts.Archive, Overwrite: opts.Overwrite,
		Streams: a.Streams(),
	})
}

type copySideOptions struct{ Encoded string }

// newCopySideCommand is what files.Copy starts in the user namespaces of containers.
func newCopySideCommand(a *cli.App, runF cli.RunFunc[copySideOptions]) *cobra.Command {
	return &cobra.Command{
		Use:    files.SideVerb,
		Short:  "Copy one side",
		Hidden: true,
		Args:   cli.Between(1, 1, "what to do"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runF(cmd.Context(), a, &copySideOptions{args[0]})
		},
	}
}

func copySide(ctx context.Context, a *cli.App, opts *copySideOptions) error {
	// As pid 1 it would not be ended by it, and who says what was wrong is the other side.
	signal.Ignore(unix.SIGPIPE)
	warn := func(err error) { fmt.Fprintln(a.Stderr, "Warning: copy:", err) }
	return files.RunSide(ctx, a.Config, opts.Encoded, a.Stdin, a.Stdout, warn)
}
